// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/conversationdesk.h"
#include "services/doors.h"
#include "services/services.h"

namespace assistiv {

/// The ConversationDesk of one worker: through the read door.
class ConversationReads final : public ConversationDesk
{
public:
    explicit ConversationReads(Doors &doors) : m_doors(doors) {}

    void read(const ResponseOwner &owner, const ConversationWish &wish, QObject *asker,
              std::function<void(Result<Conversation>)> done) override
    {
        m_doors.read(
            asker, [owner, wish](Services &services) { return services.responses.conversation(owner, wish); }, std::move(done));
    }

private:
    Doors &m_doors;
};

} // namespace assistiv
