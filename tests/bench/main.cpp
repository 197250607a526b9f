// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "load.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

namespace {

constexpr const char *Usage = R"(usage: benchclient --port PORT[,PORT…] --model NAME[,NAME…] [options]

Sends chat completions to 127.0.0.1 and checks every answer; prints one JSON object, with several ports (only when open: they
are asked in turn) an array of them. Exit code 1 when an answer was wrong.

  --mode closed|open|hold   closed: each connection asks again when answered (default); open: --rate requests per second,
                            latency counted from when a request was due; hold: each connection asks for one stream
  --connections N           64
  --seconds S               5; measured time, after --warmup
  --warmup S                0
  --rate R                  200; with hold: new streams per second
  --patience S              30; for answers missing at the end
  --stream                  ask for a stream
  --include-usage           ask for the usage chunk
  --prompt-bytes N          400
  --key KEY[,KEY…]          sk-bench; one for all ports, or one for each
  --path PATH               /v1/chat/completions
)";

std::vector<std::string> split(const std::string &list)
{
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= list.size(); at = std::min(list.find(',', at), list.size()) + 1)
        parts.push_back(list.substr(at, list.find(',', at) - at));
    return parts;
}

int wrongUsage(std::string_view what)
{
    std::fprintf(stderr, "benchclient: %.*s\n%s", static_cast<int>(what.size()), what.data(), Usage);
    return 2;
}

} // namespace

int main(int argc, char **argv)
{
    bench::Plan plan;
    plan.request.path = "/v1/chat/completions";
    std::vector<std::string> ports;
    std::vector<std::string> keys{"sk-bench"};
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--stream" || option == "--include-usage") {
            (option == "--stream" ? plan.request.stream : plan.request.includeUsage) = true;
            continue;
        }
        if (++i == argc)
            return wrongUsage("an option without its value");
        const std::string value = argv[i];
        const auto number = [&value] { return std::strtod(value.c_str(), nullptr); };
        if (option == "--port")
            ports = split(value);
        else if (option == "--connections")
            plan.connections = static_cast<std::size_t>(number());
        else if (option == "--seconds")
            plan.seconds = number();
        else if (option == "--warmup")
            plan.warmupSeconds = number();
        else if (option == "--rate")
            plan.rate = number();
        else if (option == "--patience")
            plan.patienceSeconds = number();
        else if (option == "--prompt-bytes")
            plan.request.promptBytes = static_cast<std::size_t>(number());
        else if (option == "--key")
            keys = split(value);
        else if (option == "--path")
            plan.request.path = value;
        else if (option == "--mode" && value == "closed")
            plan.mode = bench::Plan::Mode::Closed;
        else if (option == "--mode" && value == "open")
            plan.mode = bench::Plan::Mode::Open;
        else if (option == "--mode" && value == "hold")
            plan.mode = bench::Plan::Mode::Hold;
        else if (option == "--model")
            plan.models = split(value);
        else
            return wrongUsage(option);
    }
    if (ports.empty() || plan.models.empty() || plan.connections == 0 || plan.rate <= 0)
        return wrongUsage("--port and --model are needed, --connections and --rate are above 0");
    if ((ports.size() > 1 && plan.mode != bench::Plan::Mode::Open) || (keys.size() != 1 && keys.size() != ports.size()))
        return wrongUsage("several ports only with --mode open, and as many keys");
    for (std::size_t i = 0; i < ports.size(); ++i)
        plan.servers.push_back(
            {static_cast<std::uint16_t>(std::strtoul(ports[i].c_str(), nullptr, 10)), keys[keys.size() == 1 ? 0 : i]});
    if (plan.mode == bench::Plan::Mode::Hold)
        plan.request.stream = true;

    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    bench::Load load(std::move(plan));
    load.run();
    std::printf("%s\n", load.json().c_str());
    return load.allRight() ? 0 : 1;
}
