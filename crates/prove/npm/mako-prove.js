#!/usr/bin/env node
// Runs `mako prove` with the binary of this platform's package.
"use strict";

const { spawn } = require("node:child_process");

const platform = `${process.platform}-${process.arch}`;

function binary() {
  if (process.env.MAKO_BIN) return process.env.MAKO_BIN;
  try {
    return require.resolve(`@mako/prove-${platform}/mako`);
  } catch {
    return undefined;
  }
}

function main() {
  const mako = binary();
  if (!mako) {
    console.error(
      `@mako/prove has no binary for ${platform}, or it was installed without optional dependencies. ` +
        "Build mako with cargo (cargo build --release -p mako) and name the binary in MAKO_BIN.",
    );
    process.exitCode = 2;
    return;
  }
  const child = spawn(mako, ["prove", ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends its signals to both; others reach this process alone, and mako ends its PostgreSQL by them.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`${mako} can't be run: ${error.message}`);
    process.exitCode = 2;
  });
  child.on("exit", (code) => {
    process.exitCode = code ?? 2;
  });
}

main();
