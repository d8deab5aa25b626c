// A session that ends while somebody works: nothing of what was typed is lost.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, selected, signedIn, until } from './support.mjs';

let shop, chrome;

before(async () => {
  shop = await bookshop(300, {}, ['ann', 'bob']);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

/** The session ends elsewhere, as by expiry: the cookie leads to nobody any more. */
async function end(page) {
  const cookies = await page.context().cookies();
  const session = cookies.find((cookie) => cookie.name === 'powercrud_session');
  await page.context().addCookies([{ ...session, value: `${session.value.slice(1)}x` }]);
}

const dialog = (page) => page.locator('#sign-in');

async function signInAgain(page, name) {
  await dialog(page).getByText('this page stays as it is', { exact: false }).waitFor();
  if (name) await dialog(page).locator('[name=name]').fill(name);
  await dialog(page).locator('[name=password]').fill('correct horse battery');
  await dialog(page).getByRole('button', { name: 'Sign in' }).click();
}

/** The browser's own word for what it was refused. */
const forgive = (page) => (page.problems = page.problems.filter((problem) => !/status of (401|422)/.test(problem)));

test('what was typed into a form is still there after signing in again, and is saved', async () => {
  const page = await signedIn(chrome, shop.address, 'ann');
  await page.goto(`${shop.address}/resources/book/records/7/edit`);
  await page.locator('[name=title]').fill('Typed before the session ended');
  await end(page);
  await page.getByRole('button', { name: 'Save' }).click();
  // A slip is told in the dialog.
  await dialog(page).locator('[name=password]').fill('wrong');
  assert.equal(await dialog(page).locator('[name=name]').inputValue(), 'ann');
  await dialog(page).getByRole('button', { name: 'Sign in' }).click();
  await dialog(page).getByRole('alert').waitFor();
  await dialog(page).locator('[name=password]').fill('correct horse battery');
  await dialog(page).getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#toasts').getByText('signed in again').waitFor();
  assert.equal(await page.locator('[name=title]').inputValue(), 'Typed before the session ended');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/records\/7$/);
  await page.getByText('Typed before the session ended').first().waitFor();
  forgive(page);
  await close(page);
});

test('a bulk dialog keeps what was chosen', async () => {
  const page = await signedIn(chrome, shop.address, 'ann');
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  await page.locator('#bulk-edit').click();
  await page.locator('input[name=change][value=stock]').check();
  await page.locator('[name="set.stock"]').fill('41');
  await until(() => page.locator('#preview').textContent(), (text) => /will change/.test(text), 'the preview');
  await end(page);
  await page.locator('#dialog-submit').click();
  await signInAgain(page);
  await until(() => dialog(page).evaluate((element) => element.open), (open) => !open, 'the dialog closes');
  assert.equal(await page.locator('[name="set.stock"]').inputValue(), '41');
  await page.locator('#dialog-submit').click();
  await page.locator('#toasts').getByText(/1 book/).waitFor();
  forgive(page);
  await close(page);
});

test('somebody else who signs in gets a page of their own', async () => {
  const page = await signedIn(chrome, shop.address, 'ann');
  await page.goto(`${shop.address}/resources/book/records/8/edit`);
  await page.locator('[name=title]').fill('Not for bob');
  await end(page);
  await page.getByRole('button', { name: 'Save' }).click();
  await signInAgain(page, 'bob');
  await page.getByText('bob').first().waitFor({ state: 'attached' });
  assert.match(page.url(), /records\/8\/edit$/);
  assert.notEqual(await page.locator('[name=title]').inputValue(), 'Not for bob');
  forgive(page);
  await close(page);
});
