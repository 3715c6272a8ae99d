// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
// Drawing: never more than a few things per pixel, however many items there are.
'use strict';

const GUTTER = 170, RULER = 26;
const canvas = document.getElementById('canvas');
const overview = document.getElementById('overview');

// w: what is at the left edge, on the axis; scale: pixels per unit of it
const view = { w: 0, scale: 1, y: 0, width: 0, height: 0, total: 0 };
// hover, pinned: item or -1; mark: [x0, x1] on the ruler; match: see search()
const shown = { hover: -1, pinned: -1, mark: null, match: null, only: false, hoverTime: null };
let colors = {};

const toX = w => GUTTER + (w - view.w) * view.scale;
const toW = x => view.w + (x - GUTTER) / view.scale;

function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const c of ['bg', 'panel', 'line', 'grid', 'text', 'dim', 'accent', 'hit', 'running', 'idle', 'kick', 'call',
                   'request', 'frame', 'lost', 'message', 'console', 'other', 'level'])
    colors[c] = style.getPropertyValue('--' + c).trim();
  const by = { running: 'running', idle: 'idle', kick: 'kick', interrupt: 'call', 'config interrupt': 'call',
               message: 'message', request: 'request', frame: 'frame', kicked: 'kick', called: 'call',
               'call saved': 'dim', broken: 'lost', console: 'console', disconnect: 'lost' };
  colors.kind = data.kinds.map(k => colors[by[k.name] ?? 'other']);
}

function colorOf(i) {
  return data.items.flags[i] & LOST ? colors.lost : colors.kind[data.items.kind[i]];
}

function context(element) {
  const ratio = window.devicePixelRatio || 1;
  const w = element.clientWidth, h = element.clientHeight;
  if (element.width !== Math.round(w * ratio) || element.height !== Math.round(h * ratio)) {
    element.width = Math.round(w * ratio);
    element.height = Math.round(h * ratio);
  }
  const c = element.getContext('2d');
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  c.font = '11px system-ui, sans-serif';
  c.textBaseline = 'middle';
  return c;
}

// Runs of items of a list that are seen as one: draw(first, behind last, x0, x1)
function visible(list, least, draw) {
  const { w0, w1 } = list, last = toW(view.width);
  let i = lowerBound(w1, toW(GUTTER - least));
  while (i < w0.length && w0[i] <= last) {
    const x0 = toX(w0[i]), x1 = toX(w1[i]);
    if (x1 - x0 >= least) {
      draw(i, i + 1, x0, x1);
      i++;
      continue;
    }
    let j = lowerBound(w0, toW(x0 + least), i + 1);
    // The last of them may be one that can be seen for itself.
    if (j - 1 > i && toX(w1[j - 1]) - x0 >= 2 * least)
      j--;
    draw(i, j, x0, x0 + least);
    i = j;
  }
}

function isHit(list, i, j) {
  return !!list.hits && list.hits[j] > list.hits[i];
}

// The one that gives a run its colour: one that was lost, or the first
function pick(list, i, j) {
  for (let k = i; k < j && k < i + 32; k++)
    if (data.items.flags[list.n[k]] & LOST)
      return list.n[k];
  return list.n[i];
}

function drawList(c, list, y, h) {
  visible(list, 2, (i, j, x0, x1) => {
    const hit = isHit(list, i, j);
    if (shown.only && shown.match && !hit)
      return;
    const x = Math.max(x0, GUTTER - 2), w = Math.min(x1, view.width + 2) - x;
    const item = pick(list, i, j);
    c.fillStyle = colorOf(item);
    c.fillRect(x, y, w, h);
    if (w > 36 && h > 8)
      label(c, itemName(item), x, y + h / 2, w);
    if (hit) {
      c.fillStyle = colors.hit;
      c.fillRect(x, y, w, 3);
    }
  });
}

function label(c, text, x, y, w) {
  c.save();
  c.beginPath();
  c.rect(x, y - 10, w, 20);
  c.clip();
  c.fillStyle = colors.bg;
  c.fillText(printable(text), x + 4, y + 0.5);
  c.restore();
}

function drawMarks(c, row, y) {
  visible(row.marks, 3, (i, j, x0) => {
    const hit = isHit(row.marks, i, j);
    if (shown.only && shown.match && !hit)
      return;
    const item = row.marks.n[i];
    const up = data.items.kind[item] === data.kind.called || data.items.kind[item] === data.kind['call saved'];
    c.fillStyle = hit ? colors.hit : colorOf(item);
    if (row.kind !== TRACK.QUEUE) {
      c.fillRect(x0 - 1, y + 4, 2, row.body - 8);
      if (row.kind === TRACK.CONSOLE && j === i + 1)
        sayThere(c, row, i, x0, y);
      return;
    }
    c.beginPath();
    const base = up ? y + row.body - 1 : y + 1, tip = up ? base - 5 : base + 5;
    c.moveTo(x0 - 3.5, base);
    c.lineTo(x0 + 3.5, base);
    c.lineTo(x0, tip);
    c.fill();
  });
}

// What a node has said, as far as there is room before it says the next thing
function sayThere(c, row, i, x, y) {
  const w0 = row.marks.w0, room = i + 1 < w0.length ? toX(w0[i + 1]) - x : 600;
  if (room < 40)
    return;
  c.save();
  c.beginPath();
  c.rect(x, y, room - 4, row.body);
  c.clip();
  c.fillStyle = colors.text;
  c.fillText(printable(itemText(row.marks.n[i]).trimEnd().slice(0, 200)), x + 5, y + row.body / 2);
  c.restore();
}

// The most that was in flight, per pixel
function drawLevel(c, row, y) {
  const { w, value, max } = row.level;
  c.fillStyle = colors.level;
  let i = Math.max(0, lowerBound(w, toW(GUTTER)) - 1);
  for (let x = GUTTER; x < view.width && i < w.length;) {
    const next = lowerBound(w, toW(x + 1), i + 1);
    let most = value[i];
    for (let k = i + 1; k < next && k < i + 64; k++)
      most = Math.max(most, value[k]);
    const to = next === i + 1 && next < w.length ? Math.max(x + 1, Math.min(toX(w[next]), view.width)) : x + 1;
    const h = most / max * (LEVEL - 2), x0 = Math.max(x, Math.min(toX(w[i]), to - 1));
    if (h > 0)
      c.fillRect(x0, y + LEVEL - h, to - x0, h);
    x = to;
    i = Math.max(i, next - 1);
    if (i === w.length - 1 && x >= toX(w[i]))
      break;
  }
}

function drawIdle(c, row, y) {
  c.fillStyle = colors.idle;
  visible(row.idle, 1, (i, j, x0, x1) => {
    const x = Math.max(x0, GUTTER);
    c.fillRect(x, y + row.body / 2 - 1, Math.min(x1, view.width) - x, 2);
  });
}

function drawRow(c, row) {
  const y = RULER + row.y - view.y;
  if (row.hidden || y > view.height || y + row.height < RULER)
    return;
  c.fillStyle = colors.grid;
  c.fillRect(GUTTER, y + row.height - 1, view.width, 1);
  drawIdle(c, row, y);
  row.lists.forEach((list, k) => {
    if (row.kind === TRACK.NODE)
      drawList(c, list, y + 2 + Math.min(k, 3) * 4, row.body - 4 - Math.min(k, 3) * 4);
    else
      drawList(c, list, y + 3 + Math.min(k, row.lanes - 1) * LANE, row.lanes === 1 ? row.body - 6 : LANE - 1);
  });
  drawMarks(c, row, y);
  if (row.level)
    drawLevel(c, row, y + row.body);
}

function drawName(c, row) {
  const y = RULER + row.y - view.y;
  if (row.hidden || y > view.height || y + row.height < RULER)
    return;
  c.fillStyle = colors.line;
  c.fillRect(0, y + row.height - 1, GUTTER, 1);
  c.fillStyle = row.depth ? colors.dim : colors.text;
  c.font = `${row.depth ? '' : '600 '}11px system-ui, sans-serif`;
  const fold = row.children ? (row.folded ? '\u25b8 ' : '\u25be ') : '';
  c.fillText(fold + printable(row.name), 8 + row.depth * 12, y + row.body / 2, GUTTER - 14 - row.depth * 12);
  if (row.level) {
    c.font = '9px system-ui, sans-serif';
    c.textAlign = 'right';
    c.fillText(`max ${row.level.max} ${row.kind === TRACK.LINK ? 'bytes' : ''} in flight`, GUTTER - 6,
               y + row.body + LEVEL / 2 - 1);
    c.textAlign = 'left';
  }
}

const UNITS = [['s', 1e9], ['ms', 1e6], ['\u00b5s', 1e3], ['ns', 1]];

function shortTime(ns) {
  if (ns === 0)
    return '0';
  const [unit, size] = UNITS.find(u => Math.abs(ns) >= u[1]) ?? UNITS[3];
  return `${Number((ns / size).toPrecision(9))} ${unit}`;
}

// 1, 2 or 5 times a power of ten, at least x
function nice(x) {
  const p = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 5, 10].map(k => k * p).find(s => s >= x * 0.999);
}

function drawRuler(c) {
  c.fillStyle = colors.panel;
  c.fillRect(0, 0, view.width, RULER);
  c.fillStyle = colors.line;
  c.fillRect(0, RULER - 1, view.width, 1);
  if (axis.usual === Infinity)
    evenTicks(c);
  else
    unevenTicks(c);
}

function tick(c, x, text) {
  c.fillStyle = colors.line;
  c.fillRect(x, RULER - 6, 1, 6);
  c.fillStyle = colors.grid;
  c.fillRect(x, RULER, 1, view.height);
  c.fillStyle = colors.dim;
  c.fillText(text, x + 4, RULER / 2);
}

// Deep inside, times are given from where the left column says.
function evenTicks(c) {
  const step = Math.max(1, nice(110 / view.scale)), from = toW(GUTTER), to = toW(view.width);
  const base = to - from < from / 1000 ? Math.floor(from / (step * 1000)) * step * 1000 : 0;
  if (base) {
    c.fillStyle = colors.text;
    c.fillText(`${formatTime(Math.floor(base / 1e9), base % 1e9)} s`, 8, RULER / 2, GUTTER - 12);
  }
  for (let t = Math.ceil((from - base) / step) * step; base + t <= to; t += step)
    tick(c, toX(base + t), (base ? '+' : '') + shortTime(t));
}

function unevenTicks(c) {
  for (let x = GUTTER; x < view.width; x += 140) {
    const t = Math.max(0, axis.from(toW(x))), near = axis.from(toW(x + 140)) - t;
    const digits = Math.min(9, Math.max(0, 10 - Math.ceil(Math.log10(Math.max(1, near)))));
    tick(c, x, `${(t / 1e9).toFixed(digits)} s`);
  }
  const { t, w, usual } = axis;
  let i = Math.max(1, lowerBound(w, toW(GUTTER)));
  c.fillStyle = colors.grid;
  for (let n = 0; i < w.length && w[i - 1] < toW(view.width) && n < 5000; i++, n++) {
    const x0 = Math.max(GUTTER, toX(w[i - 1])), x1 = toX(w[i]);
    if (t[i] - t[i - 1] < 8 * usual || x1 - x0 < 6)
      continue;
    c.fillStyle = colors.grid;
    c.fillRect(x0, RULER, x1 - x0, view.height);
    if (x1 - x0 > 60) {
      c.fillStyle = colors.dim;
      c.fillText(`\u22ef ${shortTime(t[i] - t[i - 1])}`, x0 + 6, view.height - 10, x1 - x0 - 8);
    }
  }
}

/* Arrows */

// All arrows that lead to item, and all that lead on from it
function chain(item) {
  const found = [];
  for (const [edges, back] of [[data.edges.in, true], [data.edges.out, false]]) {
    const todo = [item], seen = new Set(todo);
    while (todo.length && found.length < 300) {
      const i = todo.shift();
      for (let e = edges.first[i]; e < edges.first[i + 1] && found.length < 300; e++) {
        const j = edges.list[e];
        found.push(back ? [j, i] : [i, j]);
        if (!seen.has(j))
          todo.push(j);
        seen.add(j);
      }
    }
  }
  return found;
}

// Where an item is drawn: its own row, or the one that it is folded into
function itemY(i) {
  let track = data.items.track[i], row = rowOf.get(track);
  while (row?.hidden)
    row = rowOf.get(track = data.tracks[track].parent);
  return row ? RULER + row.y - view.y + row.body / 2 : -1;
}

function drawArrow(c, from, to) {
  const it = data.items, at = axis.to(it.t0[to]);
  const x0 = toX(Math.min(Math.max(at, axis.to(it.t0[from])), axis.to(it.t1[from]))), y0 = itemY(from);
  const x1 = toX(at), y1 = itemY(to), bend = Math.max(14, Math.abs(x1 - x0) / 3);
  c.beginPath();
  c.moveTo(x0, y0);
  c.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
  c.stroke();
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x1 - 7, y1 - 3.5);
  c.lineTo(x1 - 7, y1 + 3.5);
  c.fill();
}

function drawArrows(c) {
  const item = shown.hover >= 0 ? shown.hover : shown.pinned;
  if (item < 0)
    return;
  c.strokeStyle = c.fillStyle = colors.text;
  c.lineWidth = 1.2;
  for (const [from, to] of chain(item))
    drawArrow(c, from, to);
}

function drawPinned(c) {
  for (const i of [shown.pinned, shown.hover]) {
    const row = i >= 0 ? rowOf.get(data.items.track[i]) : null;
    if (!row || row.hidden)
      continue;
    const x0 = toX(axis.to(data.items.t0[i])), x1 = toX(axis.to(data.items.t1[i]));
    c.strokeStyle = i === shown.pinned ? colors.accent : colors.text;
    c.lineWidth = 1.5;
    c.strokeRect(x0 - 2, RULER + row.y - view.y + 1, Math.max(4, x1 - x0 + 2), row.body - 2);
  }
}

/* All of it */

function draw() {
  const c = context(canvas);
  view.width = canvas.clientWidth;
  view.height = canvas.clientHeight;
  drawRuler(c);
  c.save();
  c.beginPath();
  c.rect(GUTTER, RULER, view.width, view.height);
  c.clip();
  rows.forEach(r => drawRow(c, r));
  drawArrows(c);
  drawPinned(c);
  if (shown.hoverTime !== null) {
    c.fillStyle = colors.dim;
    c.fillRect(shown.hoverTime, RULER, 0.5, view.height);
  }
  c.restore();
  c.save();
  c.beginPath();
  c.rect(0, RULER, GUTTER, view.height);
  c.clip();
  c.fillStyle = colors.panel;
  c.fillRect(0, RULER, GUTTER, view.height);
  rows.forEach(r => drawName(c, r));
  c.restore();
  c.fillStyle = colors.line;
  c.fillRect(GUTTER - 1, 0, 1, view.height);
  if (shown.mark) {
    c.globalAlpha = 0.2;
    c.fillStyle = colors.accent;
    c.fillRect(Math.min(...shown.mark), 0, Math.abs(shown.mark[1] - shown.mark[0]), view.height);
    c.globalAlpha = 1;
  }
  drawOverview();
}

// How many items begin where: made anew for another axis or width
let density = null;

function makeDensity(width) {
  const bins = new Float64Array(Math.max(1, Math.ceil(width))), lost = new Uint8Array(bins.length);
  for (let i = 0; i < data.items.n; i++) {
    const x = Math.min(bins.length - 1, Math.floor(axis.to(data.items.t0[i]) / axis.length * bins.length));
    bins[x]++;
    lost[x] |= data.items.flags[i] & LOST;
  }
  const most = bins.reduce((a, b) => Math.max(a, b), 1);
  density = { axis, width, lost, h: bins.map(n => n ? 0.15 + 0.85 * Math.log1p(n) / Math.log1p(most) : 0) };
}

function drawOverview() {
  const c = context(overview), w = overview.clientWidth, h = overview.clientHeight;
  if (!density || density.axis !== axis || density.width !== w)
    makeDensity(w);
  density.h.forEach((v, x) => {
    c.fillStyle = density.lost[x] ? colors.lost : colors.running;
    c.fillRect(x, h - v * (h - 6), 1, v * (h - 6));
  });
  const x0 = view.w / axis.length * w, x1 = toW(view.width) / axis.length * w;
  c.fillStyle = colors.text;
  c.globalAlpha = 0.12;
  c.fillRect(0, 0, x0, h);
  c.fillRect(x1, 0, w, h);
  c.globalAlpha = 1;
  c.strokeStyle = colors.accent;
  c.lineWidth = 2;
  c.strokeRect(x0, 1, Math.max(3, x1 - x0), h - 2);
}

let drawing = false;

function redraw() {
  if (drawing)
    return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
    showRange();
  });
}
