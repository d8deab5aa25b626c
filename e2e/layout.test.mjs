// What a person sees stays in sight: within the screen, under its headings, and where it was.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, countBooks, open, selected, set, until } from './support.mjs';

const BOOKS = 1500;
let shop, chrome;

before(async () => {
  shop = await bookshop(BOOKS);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());

test('the form for a filter is within the screen, whatever stands before its button', async () => {
  for (const width of [390, 660, 800, 1280]) {
    const page = await open(chrome, { viewport: { width, height: 800 } });
    for (const query of ['', 'status=in_print', 'status=in_print&format=ebook', 'status=in_print&format=ebook&stock__gte=1']) {
      await page.goto(`${shop.address}/resources/book?${query}`);
      await page.locator('#add-filter summary').click();
      const { left, right } = await box(page.locator('#filter-form'));
      assert.ok(left >= 0 && right <= width, `at ${width} with ${query}: ${left} to ${right}`);
    }
    await close(page);
  }
});

test('nothing moves when rows are ticked or a dialog opens, and the headings stay in sight', async () => {
  for (const width of [390, 1280]) {
    const page = await open(chrome, { viewport: { width, height: 800 } });
    await page.goto(`${shop.address}/resources/book`);
    const places = async () => JSON.stringify([await box(page.locator('thead tr')), await box(page.locator('tbody tr').nth(5)), await box(page.locator('body > header'))]);
    const before = await places();
    await page.locator('.row-check').nth(1).click();
    await selected(page, 1);
    assert.equal(await places(), before, `a tick at ${width}`);
    const heading = await box(page.locator('thead th').nth(1));
    const top = await page.evaluate(([x, y]) => document.elementFromPoint(x, y).closest('th') !== null, [heading.x + 20, heading.y + 18]);
    assert.ok(top, `something lies on the headings at ${width}`);
    await page.locator('#bulk-edit').click();
    await page.locator('#dialog-submit').waitFor();
    assert.equal(await places(), before, `a dialog at ${width}`);
    assert.equal(await page.locator('#dialog').evaluate((dialog) => dialog.clientWidth), await page.evaluate(() => document.body.clientWidth));
    await close(page);
  }
});

test('tables that tell of tasks and resources are not cut at the side', async () => {
  const page = await open(chrome);
  // Many counts in one row, and long reasons: books on orders can't be deleted.
  const few = await countBooks(page, shop.address, 'id__lte=150');
  await page.locator('[data-page-check]').first().click();
  await page.locator('#selection-bar').getByText(/Select all/).click();
  await selected(page, few);
  await page.locator('#bulk-delete').click();
  await page.locator('[name=confirm]').check();
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog-task').getByText(/books deleted/).waitFor();
  const task = new URL(await page.locator('#dialog').getByRole('link', { name: 'View status' }).first().getAttribute('href'), shop.address).href;
  const cut = (where) => page.locator(`${where} [role=region], ${where} .overflow-x-auto`).first()
    .evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  await page.goto(task);
  await page.locator('#records tbody tr').first().waitFor();
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    assert.ok((await cut('#records')) <= 0, `the reasons are cut at ${width}`);
    await page.locator('#records').getByText(/Order lines refer to it/).locator('visible=true').first().waitFor();
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${shop.address}/tasks`);
  // The longest outcome that there is.
  await page.locator('#tasks tbody tr:first-child td:nth-child(3) .num').evaluate((outcome) => {
    outcome.textContent = '49,289 changed, 64 already had this value, 23,716 failed, 26,931 not attempted';
  });
  assert.ok((await cut('#tasks')) <= 0, 'the task list is cut');
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${shop.address}/`);
  assert.ok((await cut('main')) <= 0, 'the resources are cut');
  await page.getByText('Read-only: it is a view').locator('visible=true').first().waitFor();
  await close(page);
});

test('tiles fill their rows, and the buttons of a task stand together', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book?stock=0&id__lte=900`);
  await page.locator('[data-page-check]').first().click();
  await selected(page, 25);
  await page.locator('#selection-bar').getByText(/Select all/).click();
  await until(() => page.locator('#selection-bar').getByText(/Select all/).count(), (count) => count === 0, 'all are selected');
  await page.locator('.row-check').first().waitFor();
  await page.locator('#bulk-edit').click();
  await set(page, 'price', '10.49');
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog').getByRole('link', { name: 'View status' }).click();
  await until(() => page.locator('#task[hx-get]').count(), (count) => count === 0, 'the task ends');
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const tiles = page.locator('#task-tiles > div');
    const places = await Promise.all((await tiles.all()).map(box));
    const right = Math.max(...places.map((place) => place.right));
    assert.ok(Math.abs(places.at(-1).right - right) < 1, `a tile stands alone at ${width}: ${JSON.stringify(places)}`);
  }
  await close(page);
});

test('booleans stand on the line of their row', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  const off = await page.locator('tbody tr').first().evaluate((row) => {
    const middle = (element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return (top + bottom) / 2;
    };
    return Math.abs(middle(row.querySelector('td:last-child svg')) - middle(row));
  });
  assert.ok(off <= 1.5, `${off} px beside the line`);
  await close(page);
});
