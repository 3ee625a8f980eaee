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
  // One process for pages is enough here, and each costs seconds on a small machine.
  'dom.ipc.processCount': 1,
  'dom.ipc.processPrelaunch.enabled': false,
  'fission.autostart': false,
  'browser.startup.page': 0,
  'browser.newtabpage.enabled': false,
  'browser.tabs.unloadOnLowMemory': false,
  'extensions.getAddons.cache.enabled': false,
};

// A profile that trusts the lab's authority and has visited nothing. The first start with a new
// one costs Firefox as much as the rest of the run, so with LAB_BROWSER_PROFILES (a directory)
// that start happens once, without any page, and every run gets a copy.
async function prepareProfile(home, options) {
  const profile = path.join(home, 'profile');
  const shared = process.env.LAB_BROWSER_PROFILES;
  const template = shared ? path.join(shared, 'firefox') : null;
  if (template && fs.existsSync(template)) {
    fs.cpSync(template, profile, { recursive: true });
    return profile;
  }
  trustAuthority(profile, options.ca);
  if (template) {
    const browser = await launch(home, profile, options);
    await browser.close();
    fs.cpSync(profile, `${home}/template`, { recursive: true });
    fs.mkdirSync(shared, { recursive: true });
    fs.renameSync(`${home}/template`, template);
  }
  return profile;
}

function launch(home, profile, options) {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    timeout: 120000,
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
    browser = await launch(home, await prepareProfile(home, options), options);
    await talk(browser, options, report);
  } catch (error) {
    report.fail(error);
  }
  await browser?.close();
  fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  report.finish();
}

main();
