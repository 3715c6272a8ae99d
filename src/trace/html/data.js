// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
// The data that html.c has put into the page, decoded; its counterpart.
'use strict';

window.addEventListener('error', e => {
  document.documentElement.dataset.error = e.message;
});

const OPEN = 1, LOST = 2;
const MAX_VALUES = 4;

// Of timeline.h
const TRACK = { RUN: 0, NODE: 1, CONSOLE: 2, DEV: 3, QUEUE: 4, LINK: 5 };

function fromBase64(text) {
  const s = atob(text), bytes = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++)
    bytes[i] = s.charCodeAt(i);
  return bytes;
}

// Reads numbers and strings, one after the other.
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.utf8 = new TextDecoder();
  }

  number() {
    let v = 0, scale = 1, b;
    do {
      b = this.bytes[this.at++];
      v += (b & 0x7f) * scale;
      scale *= 128;
    } while (b >= 0x80);
    return v;
  }

  // A number of 64 bits that may be too large to be one: a string then
  exact() {
    const start = this.at, v = this.number();
    if (v <= Number.MAX_SAFE_INTEGER)
      return v;
    let big = 0n;
    for (let i = this.at; i-- > start;)
      big = big << 7n | BigInt(this.bytes[i] & 0x7f);
    return big.toString();
  }

  string() {
    const len = this.number();
    this.at += len;
    return this.utf8.decode(this.bytes.subarray(this.at - len, this.at));
  }

  list(read) {
    return Array.from({ length: this.number() }, () => read.call(this));
  }
}

function readKind() {
  const name = this.string(), slice = !!this.number(), values = this.string();
  return { name, slice, values: values ? values.split(' ') : [] };
}

function readTrack() {
  return { kind: this.number(), parent: this.number() - 1, lanes: this.number(), name: this.string() };
}

// Columns of items. sec and ns are the start, dsec and dns the length, exactly;
// t0 and t1 are start and end in ns, as exact as a double is.
function readItems(r) {
  const n = r.number();
  const it = {
    n, kind: new Uint8Array(n), flags: new Uint8Array(n), track: new Uint32Array(n), lane: new Uint32Array(n),
    sec: new Float64Array(n), ns: new Uint32Array(n), dsec: new Float64Array(n), dns: new Uint32Array(n),
    t0: new Float64Array(n), t1: new Float64Array(n),
    v: new Float64Array(n * MAX_VALUES), big: new Map(),
    textAt: new Uint32Array(n), textLen: new Uint32Array(n),
  };
  let sec = 0, ns = 0;
  for (let i = 0; i < n; i++) {
    const kind = it.kind[i] = r.number();
    it.flags[i] = r.number();
    it.track[i] = r.number();
    it.lane[i] = r.number();
    sec += r.number();
    ns += r.number();
    if (ns >= 1e9) {
      ns -= 1e9;
      sec++;
    }
    it.sec[i] = sec;
    it.ns[i] = ns;
    it.t0[i] = sec * 1e9 + ns;
    it.dsec[i] = r.number();
    it.dns[i] = r.number();
    it.t1[i] = it.t0[i] + it.dsec[i] * 1e9 + it.dns[i];
    for (let k = 0; k < data.kinds[kind].values.length; k++) {
      const v = r.exact();
      it.v[i * MAX_VALUES + k] = Number(v);
      if (typeof v === 'string')
        it.big.set(i * MAX_VALUES + k, v);
    }
    it.textLen[i] = r.number();
    it.textAt[i] = r.at;
    r.at += it.textLen[i];
  }
  return it;
}

// Arrows by item: those of item i are list[first[i]] to list[first[i + 1] - 1].
function byItem(n, keys, others) {
  const first = new Uint32Array(n + 1), list = new Uint32Array(keys.length);
  for (const k of keys)
    first[k + 1]++;
  for (let i = 0; i < n; i++)
    first[i + 1] += first[i];
  const at = first.slice();
  keys.forEach((k, e) => { list[at[k]++] = others[e]; });
  return { first, list };
}

function readEdges(r, n) {
  const from = new Uint32Array(r.number()), to = new Uint32Array(from.length);
  for (let e = 0; e < from.length; e++) {
    from[e] = r.number();
    to[e] = r.number();
  }
  return { out: byItem(n, from, to), in: byItem(n, to, from) };
}

const data = {};
{
  const element = document.getElementById('data');
  const r = new Reader(fromBase64(element.textContent));
  element.remove();
  data.reader = r;
  data.kinds = r.list(readKind);
  data.requests = r.list(r.string);
  data.devs = r.list(r.string);
  data.tracks = r.list(readTrack);
  data.items = readItems(r);
  data.edges = readEdges(r, data.items.n);
  data.end = r.number() * 1e9 + r.number();
  data.kind = Object.fromEntries(data.kinds.map((k, i) => [k.name, i]));
}

// Control characters are shown as their pictures: they are not to do anything.
function printable(s) {
  return s.replace(/[\x00-\x1f\x7f]/g, c => c === '\x7f' ? '\u2421' :
                   String.fromCharCode(0x2400 + c.charCodeAt(0)));
}

function itemBytes(i) {
  const at = data.items.textAt[i];
  return data.reader.bytes.subarray(at, at + data.items.textLen[i]);
}

function itemText(i) {
  return data.reader.utf8.decode(itemBytes(i));
}

// [name, what to show] of each of its values
function itemValues(i) {
  const it = data.items;
  return data.kinds[it.kind[i]].values.map((name, k) => {
    const v = it.v[i * MAX_VALUES + k];
    if (name === 'dev')
      return [name, data.devs[v] ?? String(v)];
    if (name === 'request')
      return [name, data.requests[v] ?? String(v)];
    return [name, it.big.get(i * MAX_VALUES + k) ?? String(v)];
  });
}

function itemName(i) {
  const it = data.items, name = data.kinds[it.kind[i]].name;
  const v = itemValues(i);
  if (it.kind[i] === data.kind.message)
    return v[0][1];
  if (it.kind[i] === data.kind.frame)
    return `${it.flags[i] & LOST ? 'lost ' : ''}frame, ${v[1][1]} bytes`;
  if (v.length && v[0][0] === 'dev')
    return `${name} ${v.map(x => x[1]).join(' ')}`;
  return (it.flags[i] & LOST ? 'dropped ' : '') + name;
}

// Exactly: 1.000000256
function formatTime(sec, ns) {
  return `${BigInt(sec)}.${String(ns).padStart(9, '0')}`;
}

function formatSpan(sec, ns) {
  if (sec >= 1)
    return `${formatTime(sec, ns)} s`;
  if (ns >= 1e6)
    return `${ns / 1e6} ms`;
  return ns >= 1e3 ? `${ns / 1e3} \u00b5s` : `${ns} ns`;
}
