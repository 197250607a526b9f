// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/question.h"

#include "inference/chatquestion.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<std::unique_ptr<Question>> readQuestion(ClientApi api, const QByteArray &body)
{
    switch (api) {
    case ClientApi::Chat: return ChatQuestion::read(body);
    case ClientApi::Responses: break;
    }
    return Error { ErrorCode::Internal, u"This protocol is not served."_s };
}

} // namespace assistiv
