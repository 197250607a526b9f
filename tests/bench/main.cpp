// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "load.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/resource.h>

namespace {

constexpr const char *Usage = R"(usage: benchclient --port PORT --model NAME[,NAME…] [options]

Sends chat completions to 127.0.0.1 and checks every answer; prints one JSON object. Exit code 1 when an answer was wrong.

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
  --key KEY                 sk-bench
  --path PATH               /v1/chat/completions
)";

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
    plan.request.key = "sk-bench";
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
            plan.port = static_cast<std::uint16_t>(number());
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
            plan.request.key = value;
        else if (option == "--path")
            plan.request.path = value;
        else if (option == "--mode" && value == "closed")
            plan.mode = bench::Plan::Mode::Closed;
        else if (option == "--mode" && value == "open")
            plan.mode = bench::Plan::Mode::Open;
        else if (option == "--mode" && value == "hold")
            plan.mode = bench::Plan::Mode::Hold;
        else if (option == "--model")
            for (std::size_t at = 0; at <= value.size(); at = std::min(value.find(',', at), value.size()) + 1)
                plan.models.push_back(value.substr(at, value.find(',', at) - at));
        else
            return wrongUsage(option);
    }
    if (plan.port == 0 || plan.models.empty() || plan.connections == 0 || plan.rate <= 0)
        return wrongUsage("--port and --model are needed, --connections and --rate are above 0");
    plan.request.host = "127.0.0.1:" + std::to_string(plan.port);
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
