// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Receivers of webhooks as integrators write them: with the packages `svix` and `standardwebhooks`, and with the code that the
// integration guide prints. test_webhook_receivers.py starts it, reads the origin from its first line, tells the secrets of
// each path (POST /__secrets) and asks for what came of it (GET /__report).
import crypto from 'node:crypto';
import http from 'node:http';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';

/// The guide's receiver, from its first line to its last; it leaves out what the events are used for.
function guide(WEBHOOK_SECRET) {
    return (req, res) => {
        const signature = req.headers["webhook-signature"];
        const timestamp = req.headers["webhook-timestamp"];
        const body = req.body.toString();

        // Verify HMAC
        const toSign = `${req.headers["webhook-id"]}.${timestamp}.${body}`;
        const expected = crypto
            .createHmac("sha256", Buffer.from(WEBHOOK_SECRET.split("_")[1], "base64"))
            .update(toSign)
            .digest("base64");

        const signatures = signature.split(" ");
        const valid = signatures.some(sig => {
            const sigValue = sig.split(",")[1];
            return crypto.timingSafeEqual(
                Buffer.from(expected),
                Buffer.from(sigValue)
            );
        });

        if (!valid) return res.status(400).send("invalid signature");

        const evt = JSON.parse(body);
        switch (evt.event_type) {
            case "budget.low_balance":
            case "budget.suspended":
            case "budget.topped_up":
                break;
        }

        res.sendStatus(200);
    };
}

/// What became of a request at the guide's receiver: a status, or the error that its framework would answer with 500.
function guideStatus(secret, headers, body) {
    let status;
    const res = { status: code => ({ send: () => { status = code; } }), sendStatus: code => { status = code; } };
    try {
        guide(secret)({ headers, body }, res);
    } catch (error) {
        return `crashed: ${error.message}`;
    }
    return status;
}

function libraryStatus(Webhook) {
    return (secret, headers, body) => {
        try {
            const event = new Webhook(secret).verify(body.toString(), headers);
            return event.event_id ? 200 : 'no event';
        } catch (error) {
            return error.name === 'WebhookVerificationError' ? 400 : `crashed: ${error.message}`;
        }
    };
}

const ways = {
    '/svix': libraryStatus(SvixWebhook),
    '/standardwebhooks': libraryStatus(StandardWebhook),
    '/guide': guideStatus,
};
const secrets = {}; // path → secrets that sign at the time, newest first
const report = [];

function changed(body) {
    const copy = Buffer.from(body);
    const at = copy.indexOf('"amount_usd":') + 13;
    copy[at > 13 ? at : copy.length - 3] ^= 1;
    return copy;
}

/// The request with one thing changed; whoever lets it pass lets anything pass.
function forgeries(headers, body) {
    const id = headers['webhook-id'];
    const other = id.endsWith('A') ? 'B' : 'A';
    return {
        body: [headers, changed(body)],
        id: [{ ...headers, 'webhook-id': id.slice(0, -1) + other }, body],
        timestamp: [{ ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }, body],
        truncated: [headers, body.subarray(0, -1)],
    };
}

function judge(path, headers, body) {
    const verify = ways[path];
    const stranger = `whsec_${crypto.randomBytes(24).toString('base64')}`;
    return {
        path,
        id: headers['webhook-id'],
        event: JSON.parse(body),
        signature: headers['webhook-signature'],
        accepted: secrets[path].map(secret => verify(secret, headers, body)),
        stranger: verify(stranger, headers, body),
        forged: Object.fromEntries(Object.entries(forgeries(headers, body))
            .map(([what, [head, text]]) => [what, secrets[path].map(secret => verify(secret, head, text))])),
    };
}

function answer(response, status, value) {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
}

const server = http.createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (request.url === '/__secrets') {
        Object.assign(secrets, JSON.parse(body));
        return answer(response, 200, {});
    }
    if (request.url === '/__report') return answer(response, 200, report);
    if (!(request.url in ways)) return answer(response, 404, {});
    const verdict = judge(request.url, request.headers, body);
    report.push(verdict);
    return answer(response, verdict.accepted[0] === 200 ? 200 : 400, {});
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
