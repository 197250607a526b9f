// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/question.h"

#include "inference/chatquestion.h"
#include "inference/embeddingsquestion.h"
#include "inference/messagesquestion.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Result<std::unique_ptr<Question>> readQuestion(ClientApi api, const HttpRequest &request)
{
    switch (api) {
    case ClientApi::Chat: return ChatQuestion::read(request.body);
    case ClientApi::Responses: break;
    case ClientApi::Messages: return MessagesQuestion::read(request);
    case ClientApi::TokenCount: return TokenCountQuestion::read(request);
    case ClientApi::Embeddings: return EmbeddingsQuestion::read(request.body);
    }
    return Error { ErrorCode::Internal, u"This protocol is not served."_s };
}

} // namespace assistiv
