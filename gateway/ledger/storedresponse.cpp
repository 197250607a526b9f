// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/storedresponse.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

QByteArray newResponseId()
{
    return "resp_" + randomUuid().toByteArray(QUuid::Id128);
}

bool isReferable(QByteArrayView id)
{
    constexpr qsizetype Longest = 128;
    return !id.isEmpty() && id.size() <= Longest && std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f; });
}

QByteArray turnKey(const ResponseOwner &owner, QByteArrayView threadId)
{
    return owner.key() + '/' + threadId.toByteArray();
}

Error threadBusy()
{
    return { .code = ErrorCode::ThreadBusy,
             .message = u"Too many requests of this thread wait for each other, or an earlier one takes too long."_s,
             .param = u"thread_id"_s,
             .retryAfterSeconds = 1 };
}

} // namespace assistiv
