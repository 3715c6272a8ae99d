// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
// What the user does: moving, searching, and reading.
'use strict';

const $ = id => document.getElementById(id);

/* Moving */

function clampView() {
  const width = canvas.clientWidth - GUTTER;
  view.scale = Math.min(Math.max(view.scale, width / axis.length * 0.9), 200);
  const spare = 0.05 * width / view.scale;
  view.w = Math.min(Math.max(view.w, -spare), Math.max(-spare, axis.length + spare - width / view.scale));
  view.y = Math.max(0, Math.min(view.y, view.total + RULER + 20 - canvas.clientHeight));
  redraw();
}

function zoom(factor, x = (canvas.clientWidth + GUTTER) / 2) {
  const w = toW(x);
  view.scale *= factor;
  clampView();
  view.w = w - (x - GUTTER) / view.scale;
  clampView();
}

function show(w0, w1) {
  view.scale = (canvas.clientWidth - GUTTER) / Math.max(w1 - w0, 1e-3);
  view.w = w0;
  clampView();
}

function fit() {
  show(-0.01 * axis.length, 1.01 * axis.length);
}

function move(dx, dy) {
  view.w -= dx / view.scale;
  view.y -= dy;
  clampView();
}

// Bring an item into sight, without moving if it is there already
function reveal(i) {
  const w = axis.to(data.items.t0[i]), x = toX(w);
  if (x < GUTTER + 20 || x > canvas.clientWidth - 20)
    view.w = w - (canvas.clientWidth - GUTTER) / 2 / view.scale;
  const y = itemY(i);
  if (y < RULER || y > canvas.clientHeight - 20)
    view.y += y - canvas.clientHeight / 2;
  clampView();
}

function zoomTo(i) {
  const w0 = axis.to(data.items.t0[i]), w1 = axis.to(data.items.t1[i]);
  const around = Math.max((w1 - w0) * 0.5, axis.usual === Infinity ? 500 : axis.usual);
  show(w0 - around, w1 + around);
}

function showRange() {
  const from = Math.max(0, axis.from(Math.max(0, view.w)));
  const to = Math.min(data.end, axis.from(Math.min(axis.length, toW(canvas.clientWidth))));
  $('range').textContent = `${(from / 1e9).toFixed(9)} s \u2013 ${(to / 1e9).toFixed(9)} s (${shortTime(Math.round(to - from))})` +
    `, ${data.items.n.toLocaleString('en')} items`;
}

/* Pointing */

function rowAt(y) {
  const at = y - RULER + view.y;
  return y < RULER ? null : rows.find(r => !r.hidden && at >= r.y && at < r.y + r.height);
}

// Of a list, what is drawn within a few pixels of x
function near(list, x, found) {
  const from = toW(x - 3), to = toW(x + 3);
  for (let k = lowerBound(list.w1, from); k < list.n.length && list.w0[k] <= to && found.length < 500; k++)
    if (!shown.only || !shown.match || shown.match[list.n[k]])
      found.push(list.n[k]);
}

function itemsAt(x, y) {
  const row = x < GUTTER ? null : rowAt(y), found = [];
  if (!row)
    return found;
  const lane = Math.floor((y - (RULER + row.y - view.y) - 3) / LANE);
  row.lists.forEach((l, k) => {
    if (row.lanes === 1 || Math.min(k, row.lanes - 1) === Math.min(Math.max(lane, 0), row.lanes - 1))
      near(l, x, found);
  });
  near(row.marks, x, found);
  if (!found.length)
    near(row.idle, x, found);
  const it = data.items, w = toW(x);
  const length = i => it.t1[i] - it.t0[i];
  const away = i => Math.round(Math.max(0, axis.to(it.t0[i]) - w, w - axis.to(it.t1[i])) * view.scale);
  return found.sort((a, b) => away(a) - away(b) || length(a) - length(b) || a - b);
}

function addRow(table, name, value) {
  const tr = table.insertRow();
  tr.insertCell().textContent = name;
  tr.insertCell().textContent = value;
}

// All text goes in as text, never as HTML.
function describe(i) {
  const it = data.items, div = document.createElement('div'), b = document.createElement('b');
  const table = document.createElement('table');
  div.className = 'item';
  div.style.setProperty('--c', colorOf(i));
  b.textContent = printable(itemName(i));
  div.append(b, table);
  addRow(table, 'track', printable(trackPath(it.track[i])));
  addRow(table, 'time', `${formatTime(it.sec[i], it.ns[i])} s`);
  if (data.kinds[it.kind[i]].slice)
    addRow(table, 'duration', formatSpan(it.dsec[i], it.dns[i]) + (it.flags[i] & OPEN ? ', not over at the end' : ''));
  for (const [name, value] of itemValues(i))
    addRow(table, name, printable(value));
  if (it.textLen[i]) {
    const pre = document.createElement('pre');
    pre.textContent = itemText(i).split('\n').map(printable).join('\n').slice(0, 4000);
    div.append(pre);
  }
  return div;
}

function trackPath(track) {
  const tr = data.tracks[track];
  return tr.parent >= 0 ? `${trackPath(tr.parent)} / ${tr.name}` : tr.name;
}

function showDetails(items, most = 8) {
  const parts = items.slice(0, most).map(describe);
  if (items.length > most) {
    const more = document.createElement('div');
    more.className = 'more';
    more.textContent = items.length >= 500 ? 'and many more: zoom in' : `and ${items.length - most} more: zoom in`;
    parts.push(more);
  }
  return parts;
}

function hover(e) {
  const found = itemsAt(e.offsetX, e.offsetY), tip = $('tip');
  shown.hover = found[0] ?? -1;
  shown.hoverTime = e.offsetX >= GUTTER ? e.offsetX : null;
  tip.hidden = !found.length;
  if (found.length) {
    tip.replaceChildren(...showDetails(found, 3));
    const r = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(e.clientX + 14, innerWidth - r.width - 8))}px`;
    tip.style.top = `${e.clientY + 18 + r.height > innerHeight ? Math.max(4, e.clientY - r.height - 12) : e.clientY + 18}px`;
  }
  redraw();
}

function pin(items) {
  shown.pinned = items[0] ?? -1;
  $('details').replaceChildren(...showDetails(items));
  if (items.length)
    showLineAt(items[0]);
  redraw();
}

// The next item of the same track, or the one before
function step(by) {
  if (shown.pinned < 0)
    return;
  const track = data.items.track[shown.pinned];
  for (let i = shown.pinned + by; i >= 0 && i < data.items.n; i += by)
    if (data.items.track[i] === track && data.items.kind[i] !== data.kind.idle) {
      pin([i]);
      reveal(i);
      return;
    }
}

/* The mouse */

let drag = null;

canvas.addEventListener('wheel', e => {
  e.preventDefault();
  const unit = e.deltaMode ? 20 : 1;
  if (e.offsetX < GUTTER)
    move(0, -e.deltaY * unit);
  else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY))
    move(-(e.deltaX || e.deltaY) * unit, 0);
  else
    zoom(2 ** (-e.deltaY * unit / 200), e.offsetX);
}, { passive: false });

canvas.addEventListener('pointerdown', e => {
  canvas.setPointerCapture(e.pointerId);
  drag = { x: e.offsetX, y: e.offsetY, ruler: e.offsetY < RULER && e.offsetX >= GUTTER, moved: false };
});

canvas.addEventListener('pointermove', e => {
  if (!drag) {
    hover(e);
    return;
  }
  const dx = e.offsetX - drag.x, dy = e.offsetY - drag.y;
  if (!drag.moved && Math.abs(dx) + Math.abs(dy) < 4)
    return;
  drag.moved = true;
  $('tip').hidden = true;
  if (drag.ruler) {
    shown.mark = [drag.x, e.offsetX];
    redraw();
    return;
  }
  canvas.classList.add('dragging');
  move(dx, dy);
  drag.x = e.offsetX;
  drag.y = e.offsetY;
});

canvas.addEventListener('pointerup', e => {
  const d = drag;
  drag = null;
  canvas.classList.remove('dragging');
  if (shown.mark) {
    const [a, b] = shown.mark.map(toW);
    shown.mark = null;
    show(Math.min(a, b), Math.max(a, b));
  } else if (d && !d.moved) {
    click(e);
  }
});

canvas.addEventListener('pointerleave', () => {
  shown.hover = -1;
  shown.hoverTime = null;
  $('tip').hidden = true;
  redraw();
});

canvas.addEventListener('dblclick', e => {
  const found = itemsAt(e.offsetX, e.offsetY);
  if (found.length)
    zoomTo(found[0]);
});

function click(e) {
  const row = rowAt(e.offsetY);
  if (e.offsetX < GUTTER && row?.children) {
    row.folded = !row.folded;
    view.total = layOut();
    clampView();
  } else if (e.offsetX >= GUTTER) {
    pin(itemsAt(e.offsetX, e.offsetY));
  }
}

function overviewTo(e) {
  if (e.buttons & 1) {
    const half = (canvas.clientWidth - GUTTER) / view.scale / 2;
    view.w = e.offsetX / overview.clientWidth * axis.length - half;
    clampView();
  }
}
overview.addEventListener('pointerdown', overviewTo);
overview.addEventListener('pointermove', overviewTo);

/* Search: words, all of which must be in an item; name=3, name<3, name>3 */

let matches = [];

function haystack(i) {
  const it = data.items;
  return `${trackPath(it.track[i])} ${itemName(i)} ${data.kinds[it.kind[i]].name} ${it.flags[i] & LOST ? 'lost' : ''} ` +
    (it.textLen[i] ? itemText(i) : '');
}

function compile(word) {
  const m = /^([a-z]+)([=<>])(.+)$/.exec(word);
  if (!m)
    return i => haystack(i).toLowerCase().includes(word);
  const [, name, op, want] = m;
  const compare = { '=': v => v.toLowerCase() === want, '<': v => Number(v) < Number(want), '>': v => Number(v) > Number(want) };
  return i => itemValues(i).some(([n, v]) => n === name && compare[op](v));
}

function search() {
  const tests = $('search').value.toLowerCase().split(/\s+/).filter(Boolean).map(compile);
  const idle = data.kind.idle, asked = $('search').value.includes('idle');
  matches = [];
  shown.match = tests.length ? new Uint8Array(data.items.n) : null;
  for (let i = 0; tests.length && i < data.items.n; i++)
    if ((asked || data.items.kind[i] !== idle) && tests.every(t => t(i))) {
      shown.match[i] = 1;
      matches.push(i);
    }
  for (const r of rows)
    for (const l of [...r.lists, r.marks])
      countHits(l);
  $('found').textContent = tests.length ? `${matches.length.toLocaleString('en')} found` : '';
  redraw();
}

// hits[j] - hits[i]: how many of the list's items i to j - 1 match
function countHits(list) {
  list.hits = shown.match ? new Uint32Array(list.n.length + 1) : null;
  for (let k = 0; list.hits && k < list.n.length; k++)
    list.hits[k + 1] = list.hits[k] + shown.match[list.n[k]];
}

function nextMatch(by) {
  if (!matches.length)
    return;
  const from = shown.pinned >= 0 ? shown.pinned : by > 0 ? -1 : data.items.n;
  const at = lowerBound(matches, by > 0 ? from + 1 : from) + (by > 0 ? 0 : -1);
  const i = matches[(at + matches.length) % matches.length];
  pin([i]);
  reveal(i);
}

let typing = 0;
$('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
});
$('search').addEventListener('keydown', e => {
  e.stopPropagation();
  if (e.key === 'Enter')
    nextMatch(e.shiftKey ? -1 : 1);
  else if (e.key === 'Escape')
    canvas.focus();
});

/* The console: what was said, as lines; only those in sight are elements */

const LINE = 18;
let lines = [], linesShown = [], lineNow = -1;

function makeLines() {
  const pending = new Map(), it = data.items;
  for (let i = 0; i < it.n; i++) {
    if (it.kind[i] !== data.kind.console)
      continue;
    const stream = it.v[i * MAX_VALUES], key = `${it.track[i]} ${stream}`;
    const parts = itemText(i).split('\n');
    parts.forEach((part, k) => {
      let line = pending.get(key);
      if (!line && (part || k < parts.length - 1)) {
        line = { item: i, node: data.tracks[it.track[i]].parent, err: stream === 2, text: '' };
        lines.push(line);
        pending.set(key, line);
      }
      if (line && line.text.length < 2000)
        line.text += part;
      if (k < parts.length - 1)
        pending.delete(key);
    });
  }
}

function chooseLines() {
  const who = $('who').value;
  linesShown = who === '' ? lines : lines.filter(l => l.node === Number(who));
  $('lines').style.height = `${linesShown.length * LINE}px`;
  drawLines();
}

function lineElement(l, k) {
  const div = document.createElement('div'), time = document.createElement('i');
  div.style.top = `${k * LINE}px`;
  div.className = (l.err ? 'err ' : '') + (k === lineNow ? 'now' : '');
  time.textContent = `${formatTime(data.items.sec[l.item], data.items.ns[l.item])} ${printable(data.tracks[l.node]?.name ?? '')}: `;
  div.append(time, printable(l.text.replace(/\r$/, '')));
  div.title = printable(l.text);
  div.addEventListener('click', () => {
    pin([l.item]);
    reveal(l.item);
  });
  return div;
}

function drawLines() {
  const box = $('console'), first = Math.max(0, Math.floor(box.scrollTop / LINE) - 5);
  const some = linesShown.slice(first, first + Math.ceil(box.clientHeight / LINE) + 10);
  $('lines').replaceChildren(...some.map((l, k) => lineElement(l, first + k)));
}

// The last line that had been said when an item began
function showLineAt(item) {
  const at = lowerBound(linesShown.map(l => l.item), item + 1) - 1;
  lineNow = at;
  if (at >= 0) {
    const box = $('console'), y = at * LINE;
    if (y < box.scrollTop || y > box.scrollTop + box.clientHeight - LINE)
      box.scrollTop = y - box.clientHeight / 2;
  }
  drawLines();
}

/* Buttons and keys */

function toggleSqueeze() {
  const on = axis.usual === Infinity;
  setAxis(on);
  $('squeeze').setAttribute('aria-pressed', on);
  fit();
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  readColors();
  redraw();
}

function toggleOnly() {
  shown.only = !shown.only;
  $('only').setAttribute('aria-pressed', shown.only);
  redraw();
}

function letGo() {
  $('keys').hidden = true;
  pin([]);
}

const keys = {
  '+': () => zoom(1.5), '=': () => zoom(1.5), w: () => zoom(1.5),
  '-': () => zoom(1 / 1.5), s: () => zoom(1 / 1.5),
  ArrowLeft: () => move(120, 0), a: () => move(120, 0), ArrowRight: () => move(-120, 0), d: () => move(-120, 0),
  ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  f: fit, i: toggleSqueeze, n: () => nextMatch(1), N: () => nextMatch(-1), '[': () => step(-1), ']': () => step(1),
  '?': () => { $('keys').hidden = !$('keys').hidden; }, Escape: letGo,
  '/': () => $('search').focus(),
};

document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key] || e.target.tagName === 'SELECT')
    return;
  e.preventDefault();
  keys[e.key]();
});

$('fit').onclick = fit;
$('squeeze').onclick = toggleSqueeze;
$('only').onclick = toggleOnly;
$('next').onclick = () => nextMatch(1);
$('prev').onclick = () => nextMatch(-1);
$('help').onclick = keys['?'];
$('theme').onclick = () => setTheme(document.documentElement.dataset.theme !== 'dark');
$('who').onchange = chooseLines;
$('console').addEventListener('scroll', drawLines);
window.addEventListener('resize', () => {
  clampView();
  drawLines();
});

/* Begin */

function fillWho() {
  const add = (value, text) => $('who').add(new Option(text, value));
  add('', 'all nodes');
  data.tracks.forEach((tr, i) => {
    if (tr.kind === TRACK.NODE)
      add(String(i), printable(tr.name));
  });
}

makeLines();
setAxis(false);
view.total = layOut();
setTheme(matchMedia('(prefers-color-scheme: dark)').matches);
fillWho();
chooseLines();
fit();
draw();
showRange();
document.documentElement.dataset.ready = `${data.items.n} items, ${lines.length} lines`;
