// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What the suites of clients share. E2E holds { origin, key, ways, text, json, usage }: `ways` names, for each wire
// format behind the gateway, the models that behave as clientcase.py says; the rest is what they answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';

export const setup = JSON.parse(process.env.E2E);

/// The prompt that makes a `call` model call this function.
export function please(name, given) {
    return `call:${name} ${JSON.stringify(given)}`;
}

/// One test per wire format behind the gateway.
export function testEachWay(name, check) {
    for (const [way, models] of Object.entries(setup.ways)) test(`${name}, ${way}`, () => check(models, way));
}

/// Holds the same conversation in every way; what it comes to must be `expected` each time.
export function sameMeaning(name, rule, converse, expected) {
    testEachWay(name, async (models, way) => {
        assert.deepEqual(await converse(models, way), expected, `${rule}: the meaning of the conversation by ${way}`);
    });
}

/// The error that `call` ends with, of that class.
export async function refused(kind, rule, call) {
    let error;
    try {
        await call();
    } catch (caught) {
        error = caught;
    }
    assert.ok(
        error instanceof kind,
        `expected ${kind.name} by ${rule}; came ${error?.constructor.name}: ${error?.message}`,
    );
    return error;
}
