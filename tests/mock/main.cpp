// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "server.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <csignal>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace {

int wrongUsage(const char *what)
{
    std::fprintf(stderr, "mockprovider: %s\nusage: mockprovider [--port 0] [--port-file FILE] [--threads 1]\n", what);
    return 2;
}

bool writePortFile(const std::string &file, std::uint16_t port)
{
    const std::string unfinished = file + ".part";
    std::ofstream out(unfinished, std::ios::trunc);
    out << port << '\n';
    out.close();
    return out && std::rename(unfinished.c_str(), file.c_str()) == 0;
}

/// Each upstream call is a descriptor; the usual soft limit of 1,024 would end a benchmark early.
void raiseDescriptorLimit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace

int main(int argc, char **argv)
{
    unsigned port = 0;
    unsigned threads = 1;
    std::string portFile;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view option = argv[i];
        if (i + 1 == argc)
            return wrongUsage("an option without its value");
        const std::string_view value = argv[i + 1];
        const auto number = [value](unsigned &target, unsigned most) {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), target);
            return error == std::errc() && end == value.data() + value.size() && target <= most;
        };
        if (option == "--port-file")
            portFile = value;
        else if (option == "--port" ? !number(port, 65535)
                                    : option != "--threads" || !number(threads, 64) || threads == 0)
            return wrongUsage("unknown option or bad value");
    }

    raiseDescriptorLimit();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int stop = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

    mock::Journal journal;
    auto chosen = static_cast<std::uint16_t>(port);
    std::vector<std::unique_ptr<mock::Server>> servers;
    for (unsigned i = 0; i < threads; ++i) {
        const int socket = mock::listenOn(chosen);
        if (socket < 0) {
            std::fprintf(stderr, "mockprovider: cannot listen on port %u: %s\n", static_cast<unsigned>(chosen),
                         std::strerror(errno));
            return 1;
        }
        servers.push_back(std::make_unique<mock::Server>(socket, chosen, journal));
    }
    std::printf("http://127.0.0.1:%u\n", static_cast<unsigned>(chosen));
    std::fflush(stdout);
    if (!portFile.empty() && !writePortFile(portFile, chosen)) {
        std::fprintf(stderr, "mockprovider: cannot write %s\n", portFile.c_str());
        return 1;
    }

    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i)
        others.emplace_back([server = servers[i].get(), stop] { server->run(stop); });
    servers[0]->run(stop);
}
