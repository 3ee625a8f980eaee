#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Chromium (Debian's, headless, driven by playwright-core) as a client of the lab.
'use strict';

const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');
const {
  POST_BODY, PARALLEL_FETCHES, parseArguments, Report, makeHome, trustAuthority, actInPage,
} = require('./report.js');

function prepareProfile(home, options) {
  trustAuthority(path.join(home, '.pki/nssdb'), options.ca);
  const profile = path.join(home, 'profile');
  fs.mkdirSync(profile);
  // A fresh profile has not loaded its Kerberos library yet when the first challenge comes, and
  // gives up; one that remembers having seen Negotiate loads it at the start.
  fs.writeFileSync(path.join(profile, 'Local State'),
    JSON.stringify({ net: { received_http_auth_negotiate_headers: true } }));
  return profile;
}

function launchSettings(home, options) {
  const settings = {
    executablePath: '/usr/bin/chromium',
    headless: true,
    timeout: 120000,
    env: { ...process.env, HOME: home, KRB5CCNAME: options.ccache },
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
  };
  if (options.scheme === 'kerberos') {
    settings.args.push('--auth-server-allowlist=*.example.test');
  } else {
    settings.httpCredentials = {
      username: `${options.domain}\\${options.person}`, password: options.password,
    };
  }
  return settings;
}

async function talk(browser, options, report) {
  const page = await browser.newPage();
  const answer = await page.goto(options.url, { timeout: 60000 });
  report.add('GET', answer.url(), answer.status(), await answer.text());
  if (answer.status() !== 200) {
    return;
  }
  const work = { body: POST_BODY, count: PARALLEL_FETCHES };
  for (const one of await page.evaluate(actInPage, work)) {
    report.add(one.method, one.url, one.status, one.text);
  }
}

async function main() {
  const options = parseArguments('chromium', ['kerberos', 'ntlm']);
  const report = new Report('chromium', options);
  const home = makeHome('chromium');
  let browser = null;
  try {
    const profile = prepareProfile(home, options);
    browser = await chromium.launchPersistentContext(profile, launchSettings(home, options));
    await talk(browser, options, report);
  } catch (error) {
    report.fail(error);
  }
  await browser?.close();
  fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  report.finish();
}

main();
