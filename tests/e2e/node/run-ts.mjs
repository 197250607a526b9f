// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// node run-ts.mjs FILE: runs a TypeScript program, its types taken away and nothing else.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const { outputText, diagnostics } = ts.transpileModule(readFileSync(process.argv[2], "utf8"), {
  fileName: process.argv[2],
  reportDiagnostics: true,
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, strict: true },
});
if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost({})));
const folder = mkdtempSync(join(tmpdir(), "run-ts-"));
try {
  const program = join(folder, "program.mjs");
  writeFileSync(program, outputText);
  await import(pathToFileURL(program));
} finally {
  rmSync(folder, { recursive: true });
}
