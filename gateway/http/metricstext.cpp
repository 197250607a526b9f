// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/metricstext.h"

#include "core/money.h"
#include "limits/ratelimiter.h"

#include <initializer_list>

namespace assistiv {

namespace {

/// Indexed by RouteGroup.
constexpr QByteArrayView GroupWords[] = { "none", "inference", "self_service", "platforms", "admin", "operation" };
/// Indexed by UpstreamOutcome.
constexpr QByteArrayView OutcomeWords[] = { "success",     "cancelled", "timeout", "rate_limited",
                                            "auth_failed", "rejected",  "failed" };
static_assert(std::size(GroupWords) == RouteGroups && std::size(OutcomeWords) == UpstreamOutcomes);
static_assert(std::tuple_size_v<decltype(Metrics::rateLimited)> == RateBuckets);

struct Label
{
    QByteArrayView name;
    QByteArrayView value;
};
using Labels = std::initializer_list<Label>;

/// Micro-units as a decimal: seconds of microseconds.
QByteArray decimal(qint64 micros)
{
    QByteArray text = Money::fromMicros(micros).toDecimal();
    while (text.endsWith('0'))
        text.chop(1);
    if (text.endsWith('.'))
        text.chop(1);
    return text;
}

QByteArray whole(qint64 value)
{
    return QByteArray::number(value);
}

QByteArray escaped(QByteArrayView value)
{
    return value.toByteArray().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
}

/// Writes one family of samples after the other.
class TextWriter
{
public:
    void begin(QByteArrayView name, QByteArrayView type, QByteArrayView help)
    {
        m_name = name;
        m_out += "# HELP " + name.toByteArray() + ' ' + help.toByteArray() + '\n';
        m_out += "# TYPE " + name.toByteArray() + ' ' + type.toByteArray() + '\n';
    }

    void sample(Labels labels, const QByteArray &value) { sample({}, labels, value); }

    void gauge(QByteArrayView name, QByteArrayView help, const QByteArray &value)
    {
        begin(name, "gauge", help);
        sample({}, value);
    }

    void counter(QByteArrayView name, QByteArrayView help, const Counter &counter)
    {
        begin(name, "counter", help);
        sample({}, whole(counter.value()));
    }

    /// unit writes a bound and the sum.
    void histogram(const Histogram &histogram, QByteArray (*unit)(qint64), const Label &label = {})
    {
        qint64 count = 0;
        for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
            count += histogram.countAt(i);
            const bool isLast = i == histogram.bounds().size();
            const QByteArray bound = isLast ? QByteArray("+Inf") : unit(histogram.bounds()[i]);
            sample("_bucket", { label, { "le", bound } }, whole(count));
        }
        sample("_sum", { label }, unit(histogram.sum()));
        sample("_count", { label }, whole(count));
    }

    QByteArray take() { return std::move(m_out); }

private:
    void sample(QByteArrayView suffix, Labels labels, const QByteArray &value)
    {
        m_out += m_name;
        m_out += suffix;
        QByteArray list;
        for (const Label &label : labels) {
            if (label.name.isEmpty())
                continue;
            list += (list.isEmpty() ? "" : ",") + label.name.toByteArray() + "=\"" + escaped(label.value) + '"';
        }
        if (!list.isEmpty())
            m_out += '{' + list + '}';
        m_out += ' ' + value + '\n';
    }

    QByteArrayView m_name;
    QByteArray m_out;
};

void writeRequests(TextWriter &out, const Metrics &metrics)
{
    out.begin("assistiv_http_requests_total", "counter",
              "Answers by part of the API and class of the status; none: refused before a route was reached.");
    for (size_t group = 0; group < RouteGroups; ++group) {
        for (size_t digit = 2; digit <= 5; ++digit)
            out.sample({ { "group", GroupWords[group] }, { "status", whole(qint64(digit)) + "xx" } },
                       whole(metrics.answers[group][digit].value()));
    }
    out.begin("assistiv_calls_refused_total", "counter", "Inference calls that a gate refused, by error code.");
    for (const ErrorRow &row : errorRows()) {
        const qint64 count = metrics.refusals[size_t(row.code)].value();
        if (count > 0)
            out.sample({ { "code", { row.word.data(), row.word.size() } }, { "status", whole(row.status) } },
                       whole(count));
    }
    out.begin("assistiv_rate_limited_calls_total", "counter", "Inference calls that a rate limit refused, by limit.");
    for (size_t bucket = 0; bucket < RateBuckets; ++bucket) {
        const QLatin1StringView word = wordOf(RateBucket(bucket));
        out.sample({ { "denied_by", { word.data(), word.size() } } }, whole(metrics.rateLimited[bucket].value()));
    }
}

void writeUpstreams(TextWriter &out, const Metrics &metrics)
{
    out.begin("assistiv_upstream_attempts_total", "counter", "Calls to providers by how they ended.");
    metrics.upstreams.each([&](const QString &provider, const UpstreamMetrics &upstream) {
        const QByteArray name = provider.toUtf8();
        for (size_t outcome = 0; outcome < UpstreamOutcomes; ++outcome)
            out.sample({ { "provider", name }, { "outcome", OutcomeWords[outcome] } },
                       whole(upstream.attempts[outcome].value()));
    });
    out.begin("assistiv_upstream_first_byte_seconds", "histogram",
              "From the call to a provider to the head of its answer.");
    metrics.upstreams.each([&](const QString &provider, const UpstreamMetrics &upstream) {
        out.histogram(upstream.firstByte, decimal, { "provider", provider.toUtf8() });
    });
    out.begin("assistiv_upstream_duration_seconds", "histogram",
              "From the call to a provider to the end of its answer.");
    metrics.upstreams.each([&](const QString &provider, const UpstreamMetrics &upstream) {
        out.histogram(upstream.duration, decimal, { "provider", provider.toUtf8() });
    });
    out.begin("assistiv_call_duration_seconds", "histogram",
              "Calls that reached a provider, from the request to the last byte of the answer, settlement included.");
    out.histogram(metrics.callDuration, decimal);
}

void writeBilling(TextWriter &out, const Metrics &metrics)
{
    out.begin("assistiv_tokens_total", "counter", "Tokens of settled calls.");
    out.sample({ { "kind", "prompt" } }, whole(metrics.promptTokens.value()));
    out.sample({ { "kind", "completion" } }, whole(metrics.completionTokens.value()));
    out.counter("assistiv_billed_microdollars_total",
                "What settled calls cost their platforms, in millionths of a US dollar.", metrics.billedMicros);
}

void writeWriter(TextWriter &out, const Metrics &metrics, const EngineStatus &status)
{
    out.gauge("assistiv_writer_queue_length", "Settlements and changes that wait for the writer.",
              whole(status.writerQueue));
    out.begin("assistiv_writer_batch_size", "histogram", "Settlements and changes in one commit.");
    out.histogram(metrics.batchSize, whole);
    out.begin("assistiv_writer_commit_seconds", "histogram", "From taking up a batch to the end of its commit.");
    out.histogram(metrics.commitDuration, decimal);
    out.counter("assistiv_journalled_settlements_total", "Settlements that went to the journal.", metrics.journalled);
    out.counter("assistiv_unbilled_settlements_total",
                "Settlements that neither the database nor the journal took: only the log has them.", metrics.unbilled);
    out.gauge("assistiv_journal_entries", "Settlements in the journal file, which are not billed yet.",
              whole(status.journalEntries));
    out.gauge("assistiv_database_healthy", "1 while the database takes commits.", whole(status.databaseHealthy));
    out.gauge("assistiv_database_size_bytes", "Size of the database, looked at every 15 seconds.",
              whole(status.databaseBytes));
}

void writeWebhooks(TextWriter &out, const Metrics &metrics, const EngineStatus &status)
{
    out.gauge("assistiv_webhook_backlog", "Deliveries that wait for an attempt, counted every second.",
              whole(status.webhookBacklog));
    out.begin("assistiv_webhook_attempts_total", "counter", "Attempts to deliver a webhook by how they ended.");
    out.sample({ { "outcome", "success" } }, whole(metrics.webhooksDelivered.value()));
    out.sample({ { "outcome", "failure" } }, whole(metrics.webhooksFailed.value()));
    out.begin("assistiv_webhook_duration_seconds", "histogram", "Attempts that got an answer, whatever it was.");
    out.histogram(metrics.webhookDuration, decimal);
}

} // namespace

QByteArray metricsText(const Metrics &metrics, const EngineStatus &status, qint64 residentBytes)
{
    TextWriter out;
    out.begin("assistiv_build_info", "gauge", "Always 1.");
    out.sample({ { "version", status.version.toUtf8() },
                 { "qt", qVersion() },
                 { "database", status.databaseKind.toUtf8() } },
               "1");
    out.gauge("process_start_time_seconds", "Unix time of the start.", decimal(metrics.startedAt.ms() * 1000));
    out.gauge("process_resident_memory_bytes", "Resident memory.", whole(residentBytes));
    out.gauge("assistiv_workers", "HTTP workers.", whole(status.workers));
    out.gauge("assistiv_connections", "Open connections of clients.", whole(status.connections));
    out.counter("assistiv_connections_refused_total", "Connections refused because too many were open.",
                metrics.connectionsRefused);
    out.gauge("assistiv_calls_in_flight", "Inference calls that are running.", whole(status.callsInFlight));
    out.gauge("assistiv_streams_open", "Answers of inference calls that are being streamed.",
              whole(metrics.streamsOpen.load(std::memory_order_relaxed)));
    writeRequests(out, metrics);
    writeUpstreams(out, metrics);
    writeBilling(out, metrics);
    writeWriter(out, metrics, status);
    writeWebhooks(out, metrics, status);
    return out.take();
}

} // namespace assistiv
