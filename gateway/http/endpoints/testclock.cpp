// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/testclock.h"

#include "core/jsonwriter.h"
#include "http/errorbody.h"
#include "http/jsonbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A hundred years in one jump.
constexpr qint64 LongestJumpSeconds = 3'155'760'000;

struct Jump
{
    std::optional<qint64> byMs;
    std::optional<Timestamp> to;
};

QByteArray nowJson(Timestamp now)
{
    JsonWriter json;
    json.beginObject().member("now", now).endObject();
    return json.take();
}

Result<Jump> jumpIn(const QByteArray &text)
{
    JsonBody body(text);
    const Jump jump { body.secondsInMs("advance_seconds"_L1, LongestJumpSeconds), body.time("now"_L1) };
    if (jump.byMs && jump.to)
        body.refuse("now"_L1, u"cannot be given together with advance_seconds"_s);
    if (!jump.byMs && !jump.to)
        body.refuse("advance_seconds"_L1, u"is required, or now instead of it"_s);
    const auto valid = body.check();
    return valid ? Result<Jump>(jump) : Result<Jump>(valid.error());
}

void readClock(const DirectCall &call)
{
    call.exchange.reply(200, nowJson(call.worker.testClock->now()));
}

void moveClock(const DirectCall &call)
{
    const auto jump = jumpIn(call.exchange.request().body);
    if (!jump)
        return replyError(call.exchange, jump.error());
    // On the writer's thread: between two writes, never inside one.
    call.worker.doors.write(
        &call.exchange,
        [jump = *jump, actor = call.caller.key.toString(), clock = call.worker.testClock,
         keepHouse = call.worker.keepHouse](Services &services) -> Result<Timestamp> {
            if (jump.byMs ? !clock->advanceMs(*jump.byMs) : !clock->advanceTo(*jump.to)) {
                return Error { .code = ErrorCode::ValidationError,
                               .message = u"The clock can be moved ahead only, and not beyond %1."_s.arg(
                                   QString::fromLatin1(TestClock::Latest.toIso())),
                               .param = jump.byMs ? u"advance_seconds"_s : u"now"_s };
            }
            keepHouse();
            const Timestamp now = clock->now();
            if (const auto noted = services.audit.note(actor, "test_clock.move"_L1, {}, nowJson(now)); !noted)
                return noted.error();
            return now;
        },
        [exchange = QPointer(&call.exchange)](const Result<Timestamp> &now) {
            if (!now)
                return replyError(*exchange, now.error());
            exchange->reply(200, nowJson(*now));
        });
}

} // namespace

QList<RouteTable::Entry> testClockRoutes()
{
    static constexpr char Path[] = "/v1/admin/test-clock";
    return {
        { HttpMethod::Get, Path, RequiredKey::Admin, readClock },
        { HttpMethod::Post, Path, RequiredKey::Admin, moveClock },
    };
}

} // namespace assistiv
