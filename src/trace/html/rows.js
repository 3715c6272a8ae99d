// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
// Where things are drawn: rows of tracks, and the axis of time.
'use strict';

const MAX_LANES = 6;      // more are drawn on top of each other
const LANE = 11, ROW = 22, LEVEL = 12;

// Items of a row that do not overlap, in order of time: numbers of items
class List {
  constructor(numbers) {
    this.n = Uint32Array.from(numbers);
  }

  // w0, w1: start and end on the axis; made anew when that changes
  place(axis) {
    const it = data.items;
    this.w0 = Float64Array.from(this.n, i => axis.to(it.t0[i]));
    this.w1 = Float64Array.from(this.n, i => axis.to(it.t1[i]));
  }
}

// First index from lo on whose value is at least x
function lowerBound(array, x, lo = 0) {
  let hi = array.length;
  while (lo < hi) {
    const mid = lo + hi >> 1;
    if (array[mid] < x)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

// How much is in flight: value[i] from at[i] on
class Level {
  constructor(steps) {
    steps.sort((a, b) => a[0] - b[0]);
    const at = [], value = [];
    let sum = 0;
    for (const [t, d] of steps) {
      sum += d;
      if (at.length && at[at.length - 1] === t)
        value[value.length - 1] = Math.max(sum, value[value.length - 1]);
      else {
        at.push(t);
        value.push(sum);
      }
      // What comes and goes in one instant is seen as a needle.
      if (value[value.length - 1] !== sum) {
        at.push(t);
        value.push(sum);
      }
    }
    this.at = Float64Array.from(at);
    this.value = Float64Array.from(value);
    this.max = this.value.reduce((a, b) => Math.max(a, b), 0);
  }

  place(axis) {
    this.w = this.at.map(t => axis.to(t));
  }
}

// Time as it is, or with times in which nothing happens shortened: a gap that
// is k times as long as a usual one then takes the place of 1 + log2(k).
class Axis {
  constructor(squeeze) {
    const times = Float64Array.from(data.items.t0).sort();
    const t = [0];
    for (const x of times)
      if (x > t[t.length - 1])
        t.push(x);
    if (data.end > t[t.length - 1])
      t.push(data.end);
    this.t = squeeze ? t : [0, Math.max(1, data.end)];
    const gaps = this.t.slice(1).map((x, i) => x - this.t[i]);
    const usual = squeeze ? Math.max(1, 2 * median(gaps)) : Infinity;
    this.usual = usual;
    this.w = [0];
    gaps.forEach((g, i) => this.w.push(this.w[i] + (g <= usual ? g : usual * (1 + Math.log2(g / usual)))));
    this.length = Math.max(1, this.w[this.w.length - 1]);
  }

  static map(x, from, to) {
    if (from.length < 2)
      return x;
    const i = Math.min(Math.max(lowerBound(from, x), 1), from.length - 1);
    const part = (x - from[i - 1]) / (from[i] - from[i - 1]);
    return to[i - 1] + part * (to[i] - to[i - 1]);
  }

  to(t) { return Axis.map(t, this.t, this.w); }
  from(w) { return Axis.map(w, this.w, this.t); }
}

function median(list) {
  return list.length ? Float64Array.from(list).sort()[list.length >> 1] : 0;
}

// Slices of a node nest: each is one deeper than the one it is in.
function nodeDepths() {
  const it = data.items, open = new Map();
  const depth = new Uint8Array(it.n);
  for (let i = 0; i < it.n; i++) {
    const tr = it.track[i], kind = data.kinds[it.kind[i]];
    if (data.tracks[tr].kind !== TRACK.NODE || !kind.slice)
      continue;
    const outer = it.kind[i] === data.kind.running || it.kind[i] === data.kind.idle;
    let s = open.get(tr);
    if (!s || outer)
      open.set(tr, s = []);
    while (s.length && it.t1[s[s.length - 1]] < it.t1[i])
      s.pop();
    depth[i] = outer ? 0 : Math.max(1, s.length);
    s.push(i);
  }
  return depth;
}

// A row is {track, depth: how far its name is indented, lists, marks, level}
function makeRows() {
  const it = data.items, deep = nodeDepths();
  const byTrack = data.tracks.map(() => ({ lists: [], marks: [], idle: [], steps: [] }));
  for (let i = 0; i < it.n; i++) {
    const b = byTrack[it.track[i]], kind = it.kind[i];
    const node = data.tracks[it.track[i]].kind === TRACK.NODE;
    if (kind === data.kind.idle) {
      b.idle.push(i);
    } else if (data.kinds[kind].slice) {
      const k = node ? deep[i] : it.lane[i];
      (b.lists[k] ??= []).push(i);
    } else {
      b.marks.push(i);
    }
    if (kind === data.kind.request || kind === data.kind.frame) {
      const d = kind === data.kind.frame ? it.v[i * MAX_VALUES + 1] : 1;
      b.steps.push([it.t0[i], d], [it.t1[i], -d]);
    }
  }
  return arrange(byTrack.map(makeRow));
}

function makeRow(b, track) {
  const tr = data.tracks[track];
  const lists = Array.from(b.lists, l => new List(l ?? []));
  const row = { track, name: tr.name, kind: tr.kind, lists, marks: new List(b.marks), idle: new List(b.idle) };
  const level = new Level(b.steps);
  if (level.max > 1)
    row.level = level;
  row.lanes = tr.kind === TRACK.NODE ? 1 : Math.min(MAX_LANES, Math.max(1, lists.length));
  row.body = Math.max(ROW, row.lanes * LANE + 6);
  row.height = row.body + (row.level ? LEVEL : 0);
  row.empty = !lists.length && !b.marks.length && !b.idle.length;
  return row;
}

// The run first, then links, then nodes, each followed by what belongs to it;
// names in their natural order.
function arrange(all) {
  const rows = [], rank = { [TRACK.RUN]: 0, [TRACK.LINK]: 1 };
  const add = (parent, depth) => {
    const children = all.filter(r => data.tracks[r.track].parent === parent);
    children.sort((a, b) => (rank[a.kind] ?? 2) - (rank[b.kind] ?? 2) || a.track - b.track);
    for (const r of children) {
      const at = rows.length;
      rows.push(r);
      r.depth = depth;
      add(r.track, depth + 1);
      r.children = rows.length - at - 1;
      // Nothing on it, and nothing below it
      if (r.empty && !r.children)
        rows.length = at;
    }
  };
  add(-1, 0);
  return rows;
}

const rows = makeRows();
const rowOf = new Map(rows.map(r => [r.track, r]));
let axis;

function setAxis(squeeze) {
  axis = new Axis(squeeze);
  for (const r of rows) {
    for (const l of [...r.lists, r.marks, r.idle])
      l.place(axis);
    r.level?.place(axis);
  }
}

// Heights, with what is folded left out
function layOut() {
  let y = 0, hidden = 0;
  for (const r of rows) {
    r.hidden = hidden > 0;
    r.y = y;
    if (hidden)
      hidden--;
    else if (r.folded)
      hidden = r.children;
    if (!r.hidden)
      y += r.height;
  }
  return y;
}
