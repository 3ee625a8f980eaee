// SPDX-License-Identifier: Apache-2.0
// The command line and the report that every JavaScript client of the lab shares; report.py says
// what they mean. Also the pieces both browsers need: a trusted authority, and what a page does.
'use strict';

const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');

const POST_BODY = 'handfast '.repeat(2000);
const PARALLEL_FETCHES = 10;

function parseArguments(client, schemes) {
  const options = { domain: 'EXAMPLE', password: '', ccache: 'FILE:/nonexistent' };
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (word.startsWith('--')) {
      options[word.slice(2)] = words.shift();
    } else {
      options.url = word;
    }
  }
  if (!options.url || !options.person || !options.ca || !schemes.includes(options.scheme)) {
    console.error(`usage: ${client} URL --person NAME --scheme ${schemes.join('|')} --ca FILE ` +
      '[--password PW | --ccache FILE]');
    process.exit(2);
  }
  return options;
}

// The 'name: value' lines of the lab's page; nothing at all for any other page.
function readPage(text) {
  const said = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(': ');
    if (at > 0) {
      said[line.slice(0, at)] = line.slice(at + 2).trimEnd();
    }
  }
  return 'server' in said ? said : {};
}

function only(values) {
  const distinct = new Set(values);
  return distinct.size === 1 ? values[0] : null;
}

class Report {
  constructor(client, options) {
    this.client = client;
    this.options = options;
    this.requests = [];
    this.error = null;
  }

  add(method, url, status, text) {
    const said = readPage(text);
    const entry = {
      method, url, status, person: said.person ?? null, server: said.server ?? null,
    };
    if (method === 'POST' && 'body_sha1' in said) {
      entry.body_intact =
        said.body_sha1 === crypto.createHash('sha1').update(POST_BODY).digest('hex');
    }
    this.requests.push(entry);
  }

  fail(error) {
    // The first line: playwright adds its whole call log.
    this.error = String(error.message ?? error).split('\n')[0];
  }

  finish() {
    const statuses = this.requests.map((entry) => entry.status);
    const result = {
      client: this.client,
      scheme: this.options.scheme,
      status: statuses.length ? statuses.find((status) => status !== 200) ?? 200 : 0,
      person: only(this.requests.map((entry) => entry.person)) ?? null,
      server: only(this.requests.map((entry) => entry.server)) ?? null,
      requests: this.requests,
      error: this.error,
    };
    console.log(JSON.stringify(result));
    const good = result.status === 200 && result.person === this.options.person && !this.error;
    process.exitCode = good ? 0 : 1;
  }
}

// A home directory of its own for one run of a browser; the caller removes it.
function makeHome(client) {
  return fs.mkdtempSync(path.join(os.tmpdir(), `${client}-`));
}

function trustAuthority(databaseDirectory, ca) {
  fs.mkdirSync(databaseDirectory, { recursive: true });
  const certutil = (...words) =>
    childProcess.execFileSync('certutil', ['-d', `sql:${databaseDirectory}`, ...words]);
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'lab', '-t', 'C,,', '-i', ca);
}

// Runs inside the page a browser has loaded: a POST, then fetches side by side, for which a
// browser opens more connections and logs in on each.
async function actInPage({ body, count }) {
  const ask = async (method) => {
    const request = method === 'POST' ? { method, body } : { method, cache: 'no-store' };
    const answer = await fetch(location.href, request);
    return { method, url: answer.url, status: answer.status, text: await answer.text() };
  };
  const first = await ask('POST');
  const others = Array.from({ length: count }, (_, index) => ask(index % 3 ? 'GET' : 'POST'));
  return [first, ...await Promise.all(others)];
}

module.exports = {
  POST_BODY, PARALLEL_FETCHES, parseArguments, Report, makeHome, trustAuthority, actInPage,
};
