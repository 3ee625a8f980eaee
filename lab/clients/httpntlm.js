#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm's httpntlm as a client of the lab. It makes a connection for every request, starts at once
// with a Type 1 and asks for the connection to be closed with the Type 3.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const httpntlm = require('httpntlm');
const { POST_BODY, parseArguments, Report } = require('./report.js');

function talk(options, method) {
  const isTls = options.url.startsWith('https:');
  // One socket: both legs must travel on the same connection.
  const agent = isTls
    ? new https.Agent({ keepAlive: true, maxSockets: 1, ca: fs.readFileSync(options.ca) })
    : new http.Agent({ keepAlive: true, maxSockets: 1 });
  const request = {
    url: options.url, username: options.person, password: options.password,
    domain: options.domain, workstation: 'LAB', agent, timeout: 30000,
  };
  if (method === 'POST') {
    request.body = POST_BODY;
  }
  return new Promise((resolve, reject) => {
    httpntlm[method.toLowerCase()](request, (error, answer) => {
      agent.destroy();
      if (error) {
        reject(error);
      } else {
        resolve({ ...answer, url: request.url });
      }
    });
  });
}

async function main() {
  const options = parseArguments('httpntlm', ['ntlm']);
  const report = new Report('httpntlm', options);
  try {
    for (const method of ['GET', 'POST', 'GET']) {
      const answer = await talk(options, method);
      report.add(method, answer.url, answer.statusCode, answer.body);
    }
  } catch (error) {
    report.fail(error);
  }
  report.finish();
}

main();
