// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/question.h"

#include "inference/chatquestion.h"
#include "inference/embeddingsquestion.h"
#include "inference/messagesquestion.h"
#include "inference/responsesquestion.h"

namespace assistiv {

Result<std::unique_ptr<Question>> readQuestion(ClientApi api, const HttpRequest &request)
{
    switch (api) {
    case ClientApi::Chat: return ChatQuestion::read(request.body);
    case ClientApi::Responses: return ResponsesQuestion::read(request.body);
    case ClientApi::Messages: return MessagesQuestion::read(request);
    case ClientApi::TokenCount: return TokenCountQuestion::read(request);
    case ClientApi::Embeddings: return EmbeddingsQuestion::read(request.body);
    }
    Q_UNREACHABLE();
}

} // namespace assistiv
