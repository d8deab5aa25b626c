// Several people at one bookshop that asks for login: what they see of each other's tasks, and what they never do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  bookshop, browser, close, countBooks, firstNumber, reload, selectAllMatching, set, signedIn, until,
} from './support.mjs';

const BOOKS = 6_000;
let shop, chrome;

before(async () => {
  // One record a chunk, so that there is something to watch. Ann is staff.
  const settings = { POWERCRUD_RESOURCES__book__bulk_chunk_size: '1' };
  shop = await bookshop(BOOKS, settings, ['ann', 'bob', 'cid'], ['ann']);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const state = (page) => page.locator('#task h1 + span').textContent();
const ended = (page) => until(() => state(page), (text) => !/Queued|Running|Cancelling/.test(text), 'the task ends');
const percent = async (page) => Number(await page.locator('#task progress').getAttribute('value'));
const toast = (page, text) => page.locator('#toasts [data-toast]').filter({ hasText: text });

/** Submits a change of all books there are and returns the address of its task. */
async function submit(page, stock) {
  await selectAllMatching(page, await countBooks(page, shop.address, ''));
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', stock);
  await page.locator('#dialog-submit').click();
  return statusAddress(page);
}

async function statusAddress(page) {
  const link = page.locator('#dialog').getByRole('link', { name: 'View status' });
  return new URL(await link.getAttribute('href'), shop.address).href;
}

test('staff watch a task in their own window and cancel it, and its owner is told on another page', async () => {
  const bob = await signedIn(chrome, shop.address, 'bob');
  const ann = await signedIn(chrome, shop.address, 'ann');
  const address = await submit(bob, '31');
  await Promise.all([bob.goto(address), ann.goto(address)]);
  // Both bars move, by themselves.
  for (const page of [bob, ann]) {
    const first = await until(() => percent(page), (now) => now > 0, 'it has begun');
    await until(() => percent(page), (now) => now > first, 'the bar moves');
  }
  await bob.goto(`${shop.address}/resources/author`);
  await ann.getByRole('link', { name: 'Cancel…' }).click();
  await ann.getByLabel('Why').fill('It was a mistake');
  await ann.getByRole('button', { name: 'Cancel the task' }).click();
  await ended(ann);
  assert.match(await state(ann), /Cancelled/);
  await toast(bob, 'cancelled').waitFor();
  assert.match(bob.url(), /resources\/author/);
  assert.equal(await toast(ann, 'cancelled').count(), 0, 'it is not her task');
  // What was not attempted is done after all, by its owner.
  await toast(bob, 'cancelled').getByRole('link', { name: 'View' }).click();
  await bob.getByRole('button', { name: /Go on with/ }).click();
  await bob.waitForURL((url) => url.href !== address && url.pathname.startsWith('/tasks/'));
  await ended(bob);
  assert.match(await state(bob), /Done/);
  assert.equal(await countBooks(bob, shop.address, 'stock=31'), BOOKS);
  await close(bob);
  await close(ann);
});

test('whose task it is not gets nothing of it by any address', async () => {
  const bob = await signedIn(chrome, shop.address, 'bob', { acceptDownloads: true });
  const cid = await signedIn(chrome, shop.address, 'cid');
  // Books on orders can't be deleted, so only some of these go.
  const few = await countBooks(bob, shop.address, 'id__lte=150');
  await selectAllMatching(bob, few);
  await bob.locator('#bulk-delete').click();
  await bob.locator('[name=confirm]').check();
  await bob.locator('#dialog-submit').click();
  const address = await statusAddress(bob);
  const id = new URL(address).pathname.split('/').at(-1);

  const reads = [
    `/tasks/${id}`, `/tasks/${id}/progress`, `/tasks/${id}/strip`, `/tasks/${id}/results/failed.csv`,
    `/tasks/${id}/results/succeeded.jsonl`, `/tasks/events?place=page&watch=${id}`, `/tasks/${id}/revert`,
    `/api/v1/tasks/${id}`, `/api/v1/tasks/${id}/errors`, `/api/v1/tasks/${id}/results?outcome=failed`,
    `/api/v1/tasks/${id}/events`,
  ];
  const acts = ['cancel', 'pause', 'resume', 'retry', 'revert'];
  const writes = [...acts.map((act) => `/tasks/${id}/${act}`), ...acts.map((act) => `/api/v1/tasks/${id}/${act}`)];
  // From a page of the shop, so that the browser sends what a browser sends.
  const ask = (page, path, method) => page.evaluate(async ([path, method]) => {
    const stop = new AbortController();
    const answer = await fetch(path, { method, signal: stop.signal });
    stop.abort();
    return answer.status;
  }, [path, method]);
  for (const when of ['running', 'ended']) {
    if (when === 'ended') {
      await bob.goto(address);
      await ended(bob);
    }
    for (const path of reads) assert.equal(await ask(cid, path, 'GET'), 404, `${when}: GET ${path}`);
    for (const path of writes) assert.equal(await ask(cid, path, 'POST'), 404, `${when}: POST ${path}`);
  }
  assert.match(await state(bob), /failures|Partly/i, 'nobody has stopped it');
  // Its owner reaches what was asked for above: the addresses are right.
  for (const path of reads.filter((path) => !/revert/.test(path))) {
    assert.equal(await ask(bob, path, 'GET'), 200, `GET ${path}`);
  }
  await cid.goto(`${shop.address}/tasks`);
  assert.equal(await cid.locator(`main a[href*="${id}"]`).count(), 0);
  await cid.goto(`${shop.address}/resources/book`);
  assert.equal(await toast(cid, 'books').count(), 0);
  // What a list says of the failed records of a task, it says to its owner alone.
  await cid.goto(`${shop.address}/resources/book?in_task=${id}.failed`);
  assert.equal(await cid.locator('.row-check').count(), 0);
  cid.problems = cid.problems.filter((problem) => !/status of 4\d\d/.test(problem));
  await close(cid);

  await bob.locator('#task-tiles').getByRole('link').last().click();
  await bob.locator('#records').getByText(/records failed/).waitFor();
  const failed = firstNumber(await bob.locator('#records h2').textContent());
  const [download] = await Promise.all([bob.waitForEvent('download'), bob.getByRole('link', { name: 'Download CSV' }).click()]);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
  assert.equal(lines.length, failed + 1);
  await bob.getByRole('button', { name: `Retry ${failed} failed` }).click();
  await bob.getByText('Comes of').waitFor();
  await ended(bob);
  await close(bob);
});

test('who has signed in stays so while the server is restarted, and the open page goes on', async () => {
  const bob = await signedIn(chrome, shop.address, 'bob');
  const address = await submit(bob, '32');
  await bob.goto(address);
  await until(() => percent(bob), (now) => now > 0, 'it has begun');
  await bob.evaluate(() => (window.sameDocument = true));
  await shop.halt();
  await shop.start();
  await ended(bob);
  assert.match(await state(bob), /Done/);
  assert.ok(await bob.evaluate(() => window.sameDocument), 'without loading the page anew');
  // What failed while the server was away is what was asked for here.
  await bob.context().close();
});

test('without scripts a user signs in, follows a task and cancels it', async () => {
  const scripted = await signedIn(chrome, shop.address, 'bob');
  const address = await submit(scripted, '33');
  await close(scripted);
  const bob = await signedIn(chrome, shop.address, 'bob', { javaScriptEnabled: false });
  await bob.goto(address);
  assert.match(await bob.locator('#task').textContent(), /books/);
  await bob.getByRole('button', { name: 'Cancel' }).click();
  await until(async () => {
    await reload(bob);
    return state(bob);
  }, (text) => /Cancelled/.test(text), 'the cancel');
  await bob.goto(`${shop.address}/messages`);
  await bob.getByText(/cancelled/i).first().waitFor();
  await close(bob);
});
