// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/question.h"

#include "inference/chatquestion.h"
#include "inference/responsesquestion.h"

namespace assistiv {

Result<std::unique_ptr<Question>> readQuestion(ClientApi api, const QByteArray &body)
{
    switch (api) {
    case ClientApi::Chat: return ChatQuestion::read(body);
    case ClientApi::Responses: return ResponsesQuestion::read(body);
    }
    Q_UNREACHABLE();
}

} // namespace assistiv
