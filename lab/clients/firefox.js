#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Firefox (Debian's ESR, headless, driven by puppeteer-core over WebDriver BiDi) as a client of
// the lab.
'use strict';

const fs = require('fs');
const path = require('path');
const puppeteer = require('puppeteer-core');
const {
  POST_BODY, PARALLEL_FETCHES, parseArguments, Report, makeHome, trustAuthority, actInPage,
} = require('./report.js');

const PREFERENCES = {
  'network.negotiate-auth.trusted-uris': '.example.test',
  // Nothing but the page itself: there is no network to fetch the rest from.
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.proxy.type': 0,
  'network.trr.mode': 5,
};

function launch(home, options) {
  const profile = path.join(home, 'profile');
  trustAuthority(profile, options.ca);
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    userDataDir: profile,
    extraPrefsFirefox: PREFERENCES,
    env: { ...process.env, HOME: home, KRB5CCNAME: options.ccache },
  });
}

async function talk(browser, options, report) {
  const page = await browser.newPage();
  // Without the domain: BiDi hands the whole string over as the user name. For Kerberos there is
  // no password, and this only keeps a question nobody would answer from being asked.
  await page.authenticate({ username: options.person, password: options.password });
  const answer = await page.goto(options.url, { timeout: 60000 });
  report.add('GET', answer.url(), answer.status(), await page.evaluate(
    () => document.documentElement.textContent));
  if (answer.status() !== 200) {
    return;
  }
  const work = { body: POST_BODY, count: PARALLEL_FETCHES };
  for (const one of await page.evaluate(actInPage, work)) {
    report.add(one.method, one.url, one.status, one.text);
  }
}

async function main() {
  const options = parseArguments('firefox', ['kerberos', 'ntlm']);
  const report = new Report('firefox', options);
  const home = makeHome('firefox');
  let browser = null;
  try {
    browser = await launch(home, options);
    await talk(browser, options, report);
  } catch (error) {
    report.fail(error);
  }
  await browser?.close();
  fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  report.finish();
}

main();
