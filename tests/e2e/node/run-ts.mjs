// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// node run-ts.mjs FILE: runs a TypeScript program, its types taken away and nothing else.
import { readFileSync } from "node:fs";
import ts from "typescript";

const { outputText, diagnostics } = ts.transpileModule(readFileSync(process.argv[2], "utf8"), {
  fileName: process.argv[2],
  reportDiagnostics: true,
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, strict: true },
});
if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost({})));
await import(`data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`);
