'use strict';
/* page - shows the spans that `llmobs view --html` put into this file, or `llmobs view --serve` into its page.
 *
 * Everything in an event is hostile. A text reaches the screen as a text node, after visible() has named its
 * controls; a number is geometry only after it was found finite; an id is a key of a Map. Views are updated in
 * place, so that focus and scroll stay; lists draw the rows in sight; a body is parsed when its span is opened.
 *
 * Hooks for tests. Ids: search deep one count status chips facets histogram bar columns sort list nothing clear panel trace
 * tree axis span tab talk error charts tables at help theme filters back compare print. Views: [data-view]; facets:
 * [data-facet] [data-value] [data-count] [data-not], [data-tag]; rows: [role=option], [role=treeitem], aria-posinset; tabs:
 * [data-tab]; runs and groups: [data-run], [data-group] with [data-calls] [data-errors] [data-input] [data-output] [data-cost];
 * turns: [data-turn]; pairs: [data-pair]; charts: [data-chart]; tables: [data-table] [data-row]; numbers: [data-sum] with
 * [data-value], empty where unknown; cards: [data-role]; #count[data-spans]; #app[data-ready]: milliseconds to the first draw.
 */

/* ---- texts and numbers */

/* Controls, what nobody sees, what turns the direction of writing, halves of pairs: as cli/shared/escape.c, which says
 * why a selector and a joiner of scripts and emoji are parts of the character before. */
const UNSEEN = '\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f' +
  '\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\u{e0000}-\\u{e0fff}\\u{f0000}-\\u{10ffff}';
const [SELECTOR, JOINER, OTHER] = ['[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]', '[\\u200b-\\u200d]', `[^\\0-\\x7f${UNSEEN}]`];
const PARTS = new RegExp(`(${OTHER}(?:${SELECTOR}${JOINER}?|${JOINER})|[!-~](?:${SELECTOR}?${JOINER}(?=${OTHER})|${SELECTOR}))|[${UNSEEN}]`, 'gu');
const hex = (n) => n.toString(16).padStart(4, '0');
const visible = (text) => String(text).replace(/\r\n/g, '\n').replace(PARTS, (c, kept) => kept ?? `⟨${hex(c.codePointAt(0))}⟩`);
const line = (text, max = 300) => {
  const all = String(text);
  return visible(all.length > max ? all.slice(0, max) + '…' : all).replace(/\s+/g, ' ');
};
/* Two ARNs of AWS differ in their last part. */
const modelLine = (text, max = 60) => line(String(text).replace(/^arn:.*\//, ''), max);
const NONE = '–';
const number = (n) => (Number.isFinite(n) ? n : undefined);
const count = (n) => (number(n) >= 0 ? n : undefined);
const string = (s) => (typeof s === 'string' && s ? s : undefined);
const list = (a) => (Array.isArray(a) ? a : []);
const members = (o) => (o && typeof o === 'object' && !Array.isArray(o) ? o : {});
const clamp = (n, low, high) => Math.min(high, Math.max(low, n));
const grouped = (n) => n.toLocaleString('en-US');
const plural = (n, word) => `${grouped(n)} ${word}${n === 1 ? '' : 's'}`;
const digits = (n) => String(Number(n.toFixed(n >= 100 ? 0 : n >= 10 ? 1 : 2)));
const upper = (word) => word[0].toUpperCase() + word.slice(1);
const dots = (...parts) => parts.filter(Boolean).join(' · ');

/* Lengths and counts are written as in the terminal: cli/query/cell.c, cli/show/columns.c. */
function duration(ns) {
  if (count(ns) === undefined) return NONE;
  const n = ns + (ns < 1e6 ? 500 : ns < 1e9 ? 5e5 : ns < 6e10 ? 5e6 : ns < 3.6e12 ? 5e8 : 3e10), whole = (size) => Math.floor(n / size);
  const two = (size) => String(whole(size) % 60).padStart(2, '0');
  return n < 1e6 ? whole(1e3) + ' µs' : n < 1e9 ? whole(1e6) + ' ms' : n < 6e10 ? (whole(1e7) / 100).toFixed(2) + ' s'
    : n < 3.6e12 ? `${whole(6e10)} m ${two(1e9)} s` : `${whole(3.6e12)} h ${two(6e10)} m`;
}
const round = (ns) => duration(ns).replace(/\.00| 00 [ms]$/, ''); /* of a step of time */
const rounded = (n, places) => (Math.round(n * 10 ** places) / 10 ** places).toFixed(places);
function scaled(n, size, units) {
  let unit = 0;
  for (n /= size; n >= size - .5 && units[unit + 1]; unit++) n /= size;
  return rounded(n, +(n < 99.95)) + units[unit];
}
const short = (n) => (number(n) === undefined ? NONE : n < 1e4 ? digits(n) : scaled(n, 1e3, 'kMGT'));
const bytes = (n) => (count(n) === undefined ? n : n < 1024 ? `${n} bytes` : scaled(n, 1024, [' KiB', ' MiB']));
function dollars(n) {
  if (count(n) === undefined) return NONE;
  if (n === 0) return '$0';
  const [whole, part] = rounded(n, clamp(1 - Math.floor(Math.log10(n)), 2, 7)).split('.');
  return n < 1e-6 ? '<$0.000001' : `$${grouped(+whole)}.${part}`;
}
/* Times are local, in microseconds since 1970. */
const DAY = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});
const DAYS = new Intl.DateTimeFormat('sv-SE');
const weekOf = (us) => { const day = new Date(us / 1000); day.setDate(day.getDate() - ((day.getDay() + 6) % 7)); return isNaN(day) ? NONE : DAYS.format(day); }; /* its Monday */
const dayOf = (us) => (isNaN(new Date(us / 1000)) ? NONE : DAYS.format(us / 1000)); /* 2026-01-31 */
function moment(us, day = true, seconds = true) {
  const at = new Date(us / 1000);
  return isNaN(at) ? NONE : (day ? DAY.format(at) + ', ' : '') + at.toTimeString().slice(0, seconds ? 8 : 5);
}
const zone = () => new Date(made).toLocaleTimeString('en-GB', {timeZoneName: 'short'}).split(' ').pop();

/* Nearest rank: a value that was there. */
function percentile(values, p) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(p / 100 * sorted.length) - 1)];
}
/* A sum of what is known, which says of how many. */
class Sum {
  constructor() { Object.assign(this, {known: 0, of: 0}); }
  add(n, call = 1) {
    this.of += call;
    if (n !== undefined) [this.value, this.known] = [(this.value ?? 0) + n, this.known + call];
    return this;
  }
  get note() {
    return this.value !== undefined && this.known < this.of ? `of ${grouped(this.known)} of ${plural(this.of, 'call')}` : '';
  }
}
const tracesOf = (all) => plural(new Set(all.map((s) => s.trace)).size, 'trace');
const total = (all, of) => all.reduce((sum, s) => sum.add(of(s), +!s.billed), new Sum());
function entry(map, key, make = () => []) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

/* ---- data */

const began = performance.now();
const $ = (id) => document.getElementById(id), $$ = (selector) => [...document.querySelectorAll(selector)];
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
const stored = (id) => parse($(id)?.textContent);
const meta = members(stored('meta')), made = number(meta.made) ?? Date.now();
let live = string(meta.live); /* the position behind the last line of the store that is here */
const PRICED = string(meta.prices) ? `estimated, prices of ${line(meta.prices, 40)}` : 'no prices known';
const KINDS = ['llm', 'workflow', 'agent', 'tool', 'embedding', 'retrieval', 'task'];
/* The facts of cli/query/keys.h that the page has, each under its word in a span, as the row has it under its letter. */
const [GROUP, FACET, COLUMN, PATH] = [2, 4, 8, 16];
const FACTS = list(meta.keys).map(([word, title, letter, uses, tag]) => ({word, title, letter, uses, tag}));
const wordsFor = (use) => FACTS.filter(({uses}) => uses & use).map(({word}) => word), PATHS = wordsFor(PATH);
const spanOf = (row, at) => {
  const r = members(row), s = {at, before: string(r.L), program: string(r.B), tags: list(r.g).filter(string), failed: !!r.z, billed: !!r.j, words: '', paths: {}};
  for (const {word, letter} of FACTS) s[word] = count(r[letter]) ?? string(r[letter]);
  for (const word of PATHS) s.paths[word] = s[word];
  const first = s.first_token_s;
  return Object.assign(s, {trace: s.trace_id ?? NONE, id: s.span_id ?? '', parent: s.parent_id, name: s.name ?? '(no name)', kind: s.kind ?? '-',
    start: s.start ?? 0, length: s.duration_s, first: first && first * 1e9, input: s.input_tokens, output: s.output_tokens, read: s.cache_read_tokens,
    write: s.cache_write_tokens, reasoning: s.reasoning_tokens, cost: s.cost_usd, estimate: s.estimate_usd, call: s.kind === 'llm' || s.kind === 'embedding'});
};
const spans = list(stored('index')).map(spanOf);
/* A script, and a line of one, is named by the shortest end of its path that no other has. */
function endsOf(text) {
  const path = text.split(' ', 1)[0], rest = text.slice(path.length);
  return path.split('/').slice(-6).map((_, i, parts) => parts.slice(i).join('/') + rest).reverse().filter(Boolean);
}
function nameScripts() {
  for (const key of PATHS) {
    const ends = new Map(), names = new Map();
    for (const {paths: {[key]: text}} of spans) if (text) names.set(text, text);
    for (const text of names.keys()) for (const one of endsOf(text)) ends.set(one, (ends.get(one) ?? 0) + 1);
    for (const text of names.keys()) names.set(text, endsOf(text).find((one) => ends.get(one) === 1) ?? text);
    for (const s of spans) s[key] = names.get(s.paths[key]);
  }
}
const end = (s) => s.start + (s.length ?? 0) / 1000;
const tokens = ({input, output}) => (input === undefined && output === undefined ? undefined
  : (input ?? 0) + (output ?? 0));

/* Evaluations by the span or the tag that they name, feedback by its span, trace or session; equal ones count once. */
const evaluations = new Map(), judged = new Set();
/* The length comes first: an id may hold any character; no tag begins so. */
const idsOf = (trace, id) => `\x1f${`${trace}`.length} ${trace}${id}`;
let byTag = false;
function judge(one) {
  const text = JSON.stringify(one), {span, tag} = one?.join_on ?? {};
  if (judged.has(text)) return;
  judged.add(text);
  byTag = byTag || !!tag;
  entry(evaluations, span ? idsOf(span.trace_id, span.span_id) : tag ? `${tag.key}:${tag.value}`
    : one?.span_id ? idsOf('', one.span_id) : one?.trace_id ? idsOf(one.trace_id, '') : `\x1fsession ${one?.session_id}`).push(one);
}
list(stored('evals')).forEach(judge);
const feedbackOf = (session) => evaluations.get(`\x1fsession ${session}`) ?? [];
const evaluationsOf = (s) => (evaluations.size ? [idsOf(s.trace, s.id), idsOf('', s.id),
  ...(s.parent ? [] : [idsOf(s.trace, '')]), ...(byTag ? [...FACTS.filter(({tag}) => tag).map(({tag, word}) => `${tag}:${s[word]}`),
  `session_id:${s.session}`, ...s.tags] : [])]
  .flatMap((key) => evaluations.get(key) ?? []) : []);
const doubts = (s) => evaluationsOf(s).filter((one) => one.assessment === 'fail').length;
/* A number of 0 or more, or the share of yes; undefined: a category or a text. */
const scoreOf = ({score_value: n, boolean_value: yes, assessment}) => number(n) ?? (typeof yes === 'boolean' ? +yes
  : {pass: 1, fail: 0}[assessment]);
/* "quality: good" of those that are no numbers, else the label. */
const verdictsOf = (s) => evaluationsOf(s).map(({label, categorical_value: value, boolean_value: yes}) =>
  [string(label) ?? '?', string(value) ?? (typeof yes === 'boolean' ? String(yes) : '')].filter(Boolean).join(': '));
/* Of a span, or of all spans of a group and its session. */
function scoresOf(item) {
  const all = [...(item.spans ?? [item]).flatMap(evaluationsOf), ...(item.many === 'session' ? feedbackOf(item.id) : [])];
  const of = (word) => all.filter((one) => one.assessment === word).length, good = of('pass'), bad = of('fail'), [one] = all;
  const value = one && (one.score_value ?? one.categorical_value ?? one.boolean_value);
  return {text: !one ? '' : good + bad ? [good && `✓ ${good}`, bad && `✗ ${bad}`].filter(Boolean).join('  ')
    : line(`${one.label ?? '?'} ${value ?? ''}`, 30) + (all.length > 1 ? ` +${all.length - 1}` : ''),
  share: good + bad ? good / (good + bad) : one && scoreOf(one)};
}

/* Tokens and cost are those of calls, so that the workflow span of a proxied call does not count twice, and of other
 * requests whose tokens no call has. */
const counts = (s) => s.call || s.billed;

/* A trace, a session, or a run: which of these has many traces, its facet's key says. */
class Group {
  constructor(id, many) {
    Object.assign(this, {id, many}).clear();
  }
  clear() {
    Object.assign(this, {root: undefined, streamed: undefined, spans: [], start: Infinity, last: -Infinity, failures: 0, doubts: 0,
      models: new Set(), sums: {input: new Sum(), output: new Sum(), cost: new Sum()}});
  }
  add(s) {
    this.spans.push(s);
    this.start = Math.min(this.start, s.start);
    this.last = Math.max(this.last, end(s));
    this.failures += s.failed;
    this.doubts += doubts(s);
    if (s.model) this.models.add(s.model);
    /* The root is the oldest span without a parent, else the oldest. */
    const {root, streamed} = this, over = !!root?.parent - !!s.parent;
    if (!root || over > 0 || over === 0 && s.start < root.start) this.root = s;
    if (s.first !== undefined && !(streamed?.start <= s.start)) this.streamed = s;
    const call = this.isCall(s);
    if (call || s.billed) for (const key in this.sums) this.sums[key].add(s[key], +call);
  }
  get length() { return (this.last - this.start) * 1000; }
  get first() { return this.streamed?.first; }
  get input() { return this.sums.input.value; }
  get output() { return this.sums.output.value; }
  get cost() { return this.sums.cost.value; }
  get note() { return this.sums.cost.note || this.sums.input.note; }
  get error() { return this.spans.find((s) => s.error)?.error; }
  /* The span whose question and answer stand for all: one call. */
  get said() {
    const {root, spans: all} = this;
    return root.question ? root : oldest(all, (s) => s.question && s.answer) ?? oldest(all, (s) => s.question) ?? root;
  }
  get question() { return this.said.question; }
  get answer() { return this.said.answer; }
  isCall(s) { return s.call; }
}
const oldest = (all, has) => all.reduce((old, s) => (has(s) && !(old?.start <= s.start) ? s : old), undefined);
/* A call of a model, or where somebody asks for kinds, a span of these. */
const isCall = (s) => state.only.has('kind') || s.call;
/* The spans of a value of a key, whose times are those of its calls in the middle, and whose errors are theirs. */
class Kin extends Group {
  isCall(s) { return isCall(s); }
  get length() { return middle(this, lengthOf); }
  get first() { return middle(this, firstOf); }
}
const callsOf = (item) => (item.spans ? item.sums.input.of : +!!item.call), errorsOf = (item) => (item instanceof Kin ? failedOf(item.spans.filter(isCall)).length : item.failures ?? +item.failed);
const traces = new Map(), sessions = new Map();
const runs = new Map();
/* Puts all spans into their groups, which stay the same objects. The traces of one run of a program are one entry, whose
 * sums are those of the spans that are found. */
function regroup() {
  nameScripts();
  for (const all of [traces, sessions]) for (const group of all.values()) group.clear();
  for (const s of spans) {
    (s.group = entry(traces, s.trace, () => new Group(s.trace))).add(s);
    if (s.session) entry(sessions, s.session, () => new Group(s.session, 'session')).add(s);
  }
  for (const run of runs.values()) Object.assign(run, {began: Infinity, of: 0});
  for (const one of traces.values()) {
    one.run = one.root?.run ?? one.spans.find((s) => s.run)?.run;
    if (one.run) entry(runs, one.run, () => Object.assign(new Group(one.run, 'run'), {began: Infinity, of: 0})).of++;
  }
  for (const [id, run] of runs) if (run.of < 2) runs.delete(id);
  for (const s of spans) {
    const run = runs.get(s.group.run);
    if (run) [run.began, run.program] = [Math.min(run.began, s.start), run.program ?? s.program];
  }
  countTurns();
}
/* The number of a turn, where all before it are in the page. */
function countTurns() {
  if (!spans.some((s) => s.before)) return;
  const ids = new Map(spans.map((s) => [s.id, s]));
  for (const s of spans) s.turns = undefined;
  for (const s of [...spans].sort((a, b) => a.start - b.start)) {
    const before = s.before && ids.get(s.before);
    s.turn = before ? before.turn && before.turn + 1 : s.before ? undefined : 1;
    s.talk = before?.talk ?? s;
    s.talk.turns = Math.max(s.talk.turns ?? 1, s.turn ?? 1);
  }
}
regroup();
const titleOf = (run) => `${run.program ?? 'a program'}, ${moment(run.began)}`;
function entriesOf() {
  const groups = new Set(found.map((s) => s.group)), few = new Map();
  for (const {run} of groups) if (runs.has(run)) few.set(run, (few.get(run) ?? 0) + 1);
  if (!few.size || state.only.has('run')) return groups;
  const joined = ({run}) => few.get(run) > 1 && runs.get(run);
  for (const id of few.keys()) runs.get(id).clear();
  for (const s of found) joined(s.group)?.add?.(s);
  return new Set([...groups].map((one) => joined(one) || one));
}
const turnOf = ({turn, talk}) => (talk?.turns > 1 && turn ? `turn ${turn} of ${talk.turns}` : '');

let lines; /* the bodies, split when the first is wanted */
const bodies = new Map();
function lineOf(s) {
  lines = lines ?? $('bodies').textContent.replace(/^\n/, '').split('\n');
  return lines[s.at] ?? '';
}
function bodyOf(s) {
  if (bodies.size > 24) bodies.clear();
  return entry(bodies, s.at, () => members(parse(lineOf(s))));
}
const about = (s) => members(bodyOf(s).meta);

/* ---- facets */

/* Each value has a number, and each span the numbers of its values, so that counting adds integers. */
class Facet {
  constructor(key, of) {
    Object.assign(this, {key, values: [], numbers: new Map(), more: new Map(),
      codes: new Int32Array(spans.length).fill(-1)});
    for (const s of spans) {
      const value = of(s);
      if (Array.isArray(value)) for (const each of new Set(value)) this.add(s.at, each);
      else if (value !== undefined) this.add(s.at, value);
    }
  }
  add(at, value) {
    let code = this.numbers.get(value);
    if (code === undefined) this.numbers.set(value, code = this.values.push(value) - 1);
    if (this.codes[at] < 0) this.codes[at] = code;
    else entry(this.more, at).push(code);
  }
  has(at, wanted) {
    return wanted[this.codes[at]] === 1 || this.more.size > 0 && !!this.more.get(at)?.some((code) => wanted[code]);
  }
  clear() {
    [this.counts, this.marks] = [new Int32Array(this.values.length), new Int32Array(this.values.length)];
  }
  /* Counts the values of a span; of spans with one mark, each value once. */
  count(at, mark) {
    const add = (code) => {
      if (this.marks[code] !== mark) this.counts[code]++;
      this.marks[code] = mark;
    };
    if (this.codes[at] >= 0) add(this.codes[at]);
    if (this.more.size) this.more.get(at)?.forEach(add);
  }
}
const SHOWN = [...new Set(['status', ...wordsFor(FACET), 'evaluation', 'score'])];
const READERS = new Map([...SHOWN, ...wordsFor(GROUP), 'trace'].map((key) => [key, (s) => s[key]]));
READERS.set('kind', (s) => (s.kind === '-' ? undefined : s.kind)).set('day', (s) => dayOf(s.start)).set('week', (s) => weekOf(s.start)).set('root', (s) => s.group.root?.name).set('score', verdictsOf);
/* A trace is ok where all its spans are. */
READERS.set('status', (s) => (s.failed ? 'error' : byTrace() && s.group.failures ? undefined : 'ok')).set('span', (s) => s.id)
  .set('evaluation', (s) => evaluationsOf(s).map((one) => string(one.assessment) ?? 'no verdict'));
const ALIAS = new Map([['app', 'ml_app'], ['session_id', 'session'], ['error_type', 'error'], ['user_id', 'user']]);
const facets = new Map(), tagKeys = new Map(), tagValues = new Map(), FEW_VALUES = 50;
function countTags() {
  facets.clear();
  tagKeys.clear();
  spans.forEach(countTagsOf);
}
const keyOf = (tag) => tag.slice(0, Math.max(0, tag.indexOf(':')));
const countTagsOf = (s) => s.tags.forEach((tag) => {
  const key = keyOf(tag);
  if (!key || READERS.has(key)) return;
  tagKeys.set(key, (tagKeys.get(key) ?? 0) + 1);
  const values = entry(tagValues, key, () => new Set());
  if (values.size <= FEW_VALUES) values.add(tag);
});
countTags();
/* How a key is read of a span: a value, or several; undefined: no such key. */
const readerOf = (key) => READERS.get(key) ?? (tagKeys.has(key) ? ({tags}) => tags.filter((tag) => tag.startsWith(key + ':'))
  .map((tag) => tag.slice(key.length + 1)) : undefined);
/* The values of a span, of which there may be none. */
const valuesOf = (of, s) => [of(s) ?? []].flat();
/* The facet of a key, made at its first use. */
function facet(name) {
  const key = ALIAS.get(name) ?? name, of = readerOf(key);
  return of && entry(facets, key === 'status' && byTrace() ? 'status of traces' : key, () => new Facet(key, of));
}
/* The keys of the tags, to be counted like values; no query can name it. */
const facetOfTags = () => entry(facets, ' tags', () => new Facet(' tags', (s) => s.tags.map(keyOf).filter((key) => tagKeys.has(key))));

/* ---- state: all that Back and a mailed link bring again, in the hash */

const VIEWS = ['traces', 'spans', 'sessions', 'timeseries'], TABS = ['messages', 'timing', 'info', 'raw', 'curl'];
/* The columns of the list: head, width, text; a value to sort by, where it is no member of that name. */
const COLUMNS = new Map(Object.entries({
  length: ['Duration', 84, (item) => duration(item.length)],
  first: ['First token', 92, (item) => duration(item.first)],
  tokens: ['Tokens', 104, (item) => (tokens(item) === undefined ? NONE : `${short(item.input)} / ${short(item.output)}`), tokens],
  cost: ['Cost', 92, (item) => dollars(item.cost)],
  start: ['Started', 126, (item) => moment(item.start)],
  calls: ['Calls', 66, (item) => grouped(callsOf(item)), callsOf],
  errors: ['Errors', 66, (item) => grouped(errorsOf(item)), errorsOf],
  scores: ['Evaluations', 120, (item) => scoresOf(item).text || NONE, (item) => scoresOf(item).share],
  turn: ['Turn', 92, (item) => turnOf(item.root ?? item) || NONE, (item) => (item.root ?? item).turn],
  ...Object.fromEntries(FACTS.filter(({uses}) => uses & COLUMN).map(({word: key, title}) => [key,
    [title, 120, (item) => line((item.root ?? item)[key] ?? NONE, 40), (item) => (item.root ?? item)[key]]])),
}));
const USUAL = ['length', 'first', 'tokens', 'cost', 'start'];
const LISTS = [['f', 'only'], ['n', 'not']];
const state = {};
const oneOf = (value, all) => (all.includes(value) ? value : all[0]);

function readHash() {
  const from = new URLSearchParams(location.hash.slice(1)), get = (key) => from.get(key) ?? '';
  const range = get('r').split('-').map(Number), order = get('o') || '-start';
  Object.assign(state, {view: oneOf(get('v'), VIEWS), trace: get('t'), span: get('s'), tab: oneOf(get('tab'), TABS),
    query: get('q'), deep: get('deep') === '1', down: order[0] === '-',
    range: range.length === 2 && range[0] < range[1] ? range : undefined,
    one: get('one') === '1', by: ALIAS.get(get('by')) ?? get('by'), talk: get('u'), pair: from.getAll('x').slice(0, 2),
    columns: get('c') ? [...COLUMNS.keys()].filter((key) => get('c').split('.').includes(key)) : USUAL,
    sort: oneOf(order.replace('-', ''), ['start', 'name', ...COLUMNS.keys()])});
  for (const [name, key] of LISTS) {
    state[key] = new Map();
    for (const pair of from.getAll(name)) {
      const colon = pair.indexOf(':');
      entry(state[key], pair.slice(0, colon), () => new Set()).add(pair.slice(colon + 1));
    }
  }
}
function hashOf() {
  const to = new URLSearchParams(), {view, trace, span, tab, query, deep, range, down, sort, one, by, talk, columns} = state;
  for (const [key, value, usual] of [['v', view, 'traces'], ['t', trace, ''], ['s', span, ''],
    ['tab', tab, 'messages'], ['q', query, ''], ['deep', deep ? '1' : '', ''],
    ['r', range?.join('-') ?? '', ''], ['o', (down ? '-' : '') + sort, '-start'], ['one', one ? '1' : '', ''], ['by', by, ''],
    ['u', talk, ''], ['c', columns.join('.'), USUAL.join('.')]])
    if (value !== usual) to.append(key, value);
  for (const [name, key] of LISTS)
    for (const [of, values] of state[key]) for (const value of values) to.append(name, `${of}:${value}`);
  for (const one of state.pair) to.append('x', one);
  return '#' + to;
}
/* Changes the state, writes the hash, draws. `step`: Back comes here. */
function change(to, step) {
  Object.assign(state, to);
  const hash = hashOf();
  if (hash !== (location.hash || '#')) try {
    history[step ? 'pushState' : 'replaceState'](null, '', hash);
  } catch {
    /* Browsers bound how often the history changes; the next change writes all. */
  }
  draw();
}

/* ---- filters */

/* A "quoted text" is one word, a minus means "not"; a pair of an unknown key is a word. A span without a number is within
 * no bound of it. */
const MEASURES = new Map([['cost', (s) => s.cost], ['tokens', tokens], ['duration', (s) => s.length]]);
const UNITS = {ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12};
function boundOf(key, word) {
  const of = MEASURES.get(key), [, sign, than, unit = 's'] = of && /^(>=?|<=?|=)([\d.]+)(ms|[smh])?$/.exec(word) || [];
  const bound = than * (key === 'duration' ? UNITS[unit] : 1);
  return sign && ((s) => sign[0] === '>' && of(s) > bound || sign[0] === '<' && of(s) < bound ||
    sign.endsWith('=') && of(s) === bound);
}
const terms = () => [...state.query.matchAll(/(-?)(?:([\w.-]+):)?(?:"([^"]*)"?|(\S+))/gu)]
  .map(([, minus, key, quoted, word]) => {
    const of = key && facet(key), text = (quoted ?? word).toLowerCase();
    return {not: !!minus, of, bound: boundOf(key, word), word: key && !of ? key.toLowerCase() + ':' + text : text};
  }).filter(({word, of}) => word || of);
/* The text that people read of a span: of a tag its value, for its key is there in all spans. */
const wordsOf = (s) => (s.words = s.words || [s.name, s.model, s.response_model, s.provider, s.ml_app, s.service, s.session, s.error,
  s.script, s.caller, s.question, s.answer, ...s.tags.map((tag) => tag.slice(tag.indexOf(':') + 1))].filter(Boolean).join('\n').toLowerCase());
const isId = (s, word) => word.length > 5 && (s.trace.startsWith(word) || s.id.startsWith(word));

/* Traces and sessions are chosen by all spans of a trace, unless somebody asks for all conditions in one. */
const byTrace = () => !state.one && (state.view === 'traces' || state.view === 'sessions');
/* Each test has the facet to which it belongs, whose own counts leave it out. Of a trace one span must pass it, or, where
 * it forbids a value, all of them. */
function testsOf() {
  const has = (of, not, match) => {
    const wanted = Uint8Array.from(of.values, match);
    return ({at}) => of.has(at, wanted) !== not;
  };
  const tests = terms().map(({not, of, word, bound}) => {
    if (bound) return {not, pass: (s) => bound(s) !== not};
    if (of) return {not, pass: has(of, not, (value) => value.toLowerCase().includes(word))};
    const hits = state.deep && entry(deepHits, word, newHits);
    return {not, pass: (s) => (wordsOf(s).includes(word) || isId(s, word) || hits[s.at] === 1) !== not};
  });
  for (const [, list] of LISTS) for (const [key, values] of state[list]) {
    const of = facet(key), not = list === 'not';
    tests.push({of, not, pass: of ? has(of, not, (value) => values.has(value)) : () => not});
  }
  const [from, to] = state.range ?? [];
  if (state.range) tests.push({pass: ({start}) => start >= from && start < to});
  return tests;
}
let found = []; /* the spans that are chosen */
function filter() {
  const tests = testsOf(), counted = [...shownFacets(), facetOfTags()];
  let mark = 0;
  for (const of of counted) of.clear();
  found = [];
  next: for (const one of byTrace() ? traces.values() : spans) {
    const all = one.spans ?? [one];
    let failed;
    for (const {of, not, pass} of tests) if (!(not ? all.every(pass) : all.some(pass))) {
      if (!of || failed && failed !== of) continue next;
      failed = of;
    }
    mark++;
    for (const s of all) {
      if (!failed) found.push(s);
      for (const of of failed ? [failed] : counted) of.count(s.at, mark);
    }
  }
}

/* ---- the search in all texts: of the stored lines, in slices between frames */

const deepHits = new Map();
const newHits = () => Object.assign(new Uint8Array(spans.length), {done: 0});
/* Pictures and sounds are no words. */
const MEDIA = /[a-z0-9+/]{200,}/gi;
const plain = (text) => (text.includes('\\') ? text.replace(/\\(?:u([0-9a-f]{4})|(.))/gi, (all, code, c) =>
  (code ? String.fromCharCode(parseInt(code, 16)) : 'ntr'.includes(c) ? ' ' : c)) : text).toLowerCase();
let deepRun = 0, deepDone = 0;
function deepSearch() {
  const run = ++deepRun, words = state.deep ? terms().filter(({of, bound}) => !of && !bound).map(({word}) => word) : [];
  const hits = words.map((word) => entry(deepHits, word, newHits));
  let at = Math.min(spans.length, ...hits.map(({done}) => done));
  const slice = () => {
    if (run !== deepRun) return;
    for (const until = performance.now() + 10; at < spans.length && performance.now() < until; at++) {
      const text = plain(lineOf(spans[at]).replace(MEDIA, ''));
      hits.forEach((one, i) => { one[at] = text.includes(words[i]); });
    }
    for (const one of hits) one.done = Math.max(one.done, at);
    put($('status'), at < spans.length ? `searching … ${Math.floor(100 * at / spans.length)} %` : '');
    if (at < spans.length) return setTimeout(slice, 0);
    deepDone++;
    draw();
  };
  if (at < spans.length) slice();
}

/* ---- elements */

/* Writes attributes, whose names are constants of this file; a function is a listener. */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value === undefined || value === false && !name.startsWith('aria-')) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
  }
  return node;
}
/* Makes an element, as in h('div.row.wide', {title: 'x'}, child, 'text'). */
function h(spec, ...parts) {
  const [tag, ...classes] = spec.split('.');
  const node = ['svg', 'path', 'text'].includes(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  if (classes.length) set(node, {class: classes.join(' ')});
  if (tag === 'button') set(node, {type: 'button'});
  for (const part of parts.flat(Infinity))
    if (part instanceof Node || typeof part === 'string') node.append(part);
    else if (part) set(node, part);
  return node;
}
const times = (n, make) => Array.from({length: n}, (_, i) => make(i));
/* Touches a text only where it is another one: most rows stay as they are. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
const focused = () => document.activeElement;
/* Where an update takes the focus away, it goes back, or to `otherwise`. */
function keepFocus(otherwise, update) {
  const had = focused();
  update();
  if (had !== focused() && had !== document.body) (had.isConnected ? had : otherwise).focus({preventScroll: true});
}
/* Makes these the children, and moves none that is in its place. */
function arrange(parent, children) {
  const keep = new Set(children);
  for (const old of [...parent.children]) if (!keep.has(old)) old.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}
let telling;
function tell(text) {
  put($('status'), text);
  clearTimeout(telling);
  telling = setTimeout(() => put($('status'), ''), 1600);
}
const copy = (text) => navigator.clipboard?.writeText(text)
  .then(() => tell('copied'), () => tell('the browser refuses')) ?? tell('the browser refuses');
const link = (text, click) => h('button.link', {click}, text);
const copyButton = (text) => h('button.copy', {click: () => copy(text)}, 'copy');
const narrow = matchMedia('(max-width: 900px)');
const badge = (kind) => setBadge(h('i.kind', {'aria-hidden': true}), kind);
function setBadge(node, kind) {
  put(node, kind === 'task' ? 'K' : KINDS.includes(kind) ? upper(kind)[0] : '?');
  return paintAs(node, oneOf(kind, ['faint', ...KINDS]));
}
/* The color is a variable of the style; its name is one of this file. */
const paintAs = (node, color) => {
  node.style.setProperty('--c', `var(--${color})`);
  return node;
};

/* Draws the rows of a long list that are in sight. The box keeps the focus and names its current row, so that no
 * row that goes takes the focus along. */
class Rows {
  constructor(box, role, make, show, picked) {
    Object.assign(this, {box, role, make, show, items: [], current: -1, pool: [], height: 1,
      space: h('div.space', {role: 'presentation'})});
    const later = () => requestAnimationFrame(() => this.draw());
    box.append(this.space);
    set(box, {scroll: later, click: (event) => {
      const row = event.target.closest(`[role=${role}]`);
      if (row) picked(this.items[row.dataset.at], event);
    }});
    new ResizeObserver(later).observe(box);
  }
  get item() {
    return this.items[this.current];
  }
  set(items, height, current) {
    Object.assign(this, {items, height, current});
    this.space.style.height = items.length * height + 'px';
    this.draw();
  }
  draw() {
    const {box, height, pool, items, current} = this, sight = box.clientHeight || innerHeight;
    const to = Math.min(items.length, Math.ceil((box.scrollTop + sight) / height) + 2);
    const from = clamp(Math.floor(box.scrollTop / height) - 2, 0, to);
    while (pool.length < to - from) {
      pool.push(set(this.make(), {role: this.role}));
      this.space.append(pool[pool.length - 1]);
    }
    while (pool.length > to - from + 8) pool.pop().remove();
    pool.forEach((row, slot) => {
      const n = pool.length, at = from + ((slot - from) % n + n) % n;
      row.hidden = at >= to;
      if (at >= to) return;
      set(row, {id: `${box.id}-${at}`, 'data-at': at, 'aria-setsize': items.length, 'aria-posinset': at + 1,
        'aria-selected': at === current});
      row.style.transform = `translateY(${at * height}px)`;
      row.style.height = height + 'px';
      this.show(row.parts, items[at], row);
    });
    set(box, {'aria-activedescendant': current >= from && current < to ? `${box.id}-${current}` : undefined});
  }
  reveal(at) {
    const {box, height} = this, top = at * height;
    box.scrollTop = clamp(box.scrollTop, top + height - box.clientHeight, top);
  }
  go(at) {
    this.current = clamp(at, 0, this.items.length - 1);
    this.reveal(this.current);
    this.draw();
  }
}

/* ---- the frame */

const press = (text, click, id) => h('button.switch', {id, click}, text);
const search = (id, label, placeholder, input) => h('input', {id, type: 'search', 'aria-label': label,
  autocomplete: 'off', spellcheck: 'false', placeholder, input});
const HELP = [['/', 'search'], ['j k ↓ ↑', 'rows'], ['Enter', 'open'], ['J K', 'spans of the trace'],
  ['← →', 'fold, unfold'], ['1 … 5', 'tabs'], ['e', 'errors only'], ['[ ]', 'previous, next error'],
  ['g, then t s e m', 'Traces, Spans, Sessions, Timeseries'], ['c', 'copy the trace id'], ['x, Shift+click', 'compare'], ['Esc', 'back']];

function buildFrame() {
  const filters = string(meta.filters);
  const cut = Object.entries(members(meta.cut)).filter(([, n]) => n > 0)
    .map(([of, n]) => `${grouped(n)} ${line(of, 20)}`).join(', ');
  $('app').append(
    h('p.notice', `This ${live ? 'page' : 'file'} holds what was said to and by models: ${grouped(spans.length)} of ${
      plural(count(meta.spans_in_store) ?? spans.length, 'span')} of ${line(meta.store ?? '?', 100)}${
      filters ? ` (${line(filters, 200)})` : ''}, made ${moment(made * 1000, true, false)} ${zone()}${
      live ? ', and what came since,' : ''} by llmobs ${line(meta.version ?? '', 30)}; cost: ${PRICED}${cut && `; cut or left out: ${cut}`}${
      meta.trimmed ? `; the store was full: those before ${moment(meta.trimmed * 1000, true, false)} are gone` : ''}.`),
    h('header', h('strong.brand', 'llmobs'), h('nav', {'aria-label': 'Views'},
      VIEWS.map((view) => h('button', {'data-view': view, click: () => go(view)}, upper(view))),
      h('button.small', {id: 'filters', 'aria-expanded': false, click: () => drawer()}, 'Filters')),
    h('div.search', search('search', 'Search', 'Search text, or kind:tool  model:gpt-4o  cost:>0.01', typed),
      h('kbd', '/')), press('in all texts', searchDeep, 'deep'), press('in one span', () => change({one: !state.one}, true), 'one'), h('span', {id: 'count', role: 'status'}), h('span', {id: 'live', role: 'status'}, live && 'live'),
    h('span', {id: 'status', role: 'status'}), h('span.gap'),
    h('button', {id: 'theme', 'aria-label': 'Dark or light', click: () => paint(true)}, '◐'),
    h('button', {id: 'ask', 'aria-label': 'Help', click: help}, '?')),
    h('main', h('aside', {id: 'facets', 'aria-label': 'Filters'}),
      h('section', {id: 'middle', 'aria-label': 'List'}, h('div', {id: 'chips'}), h('div', {id: 'histogram'}), h('div', {id: 'bar'}),
        h('div', {id: 'sort', role: 'group', 'aria-label': 'Order'}),
        h('div', {id: 'list', role: 'listbox', tabindex: 0}), h('div', {id: 'nothing'}, h('p', 'Nothing matches.'),
          h('p', h('button.link', {id: 'deeper', click: searchDeep}, 'Search in all texts')),
          h('button.link', {id: 'clear', click: clearAll}, 'Clear search and filters'))),
      h('section', {id: 'panel', 'aria-label': 'Trace'}), h('section', {id: 'timeseries', 'aria-label': 'Timeseries'})),
    h('dialog', {id: 'help', 'aria-label': 'Help'}, h('dl', HELP.map(([key, does]) => [h('dt', h('kbd', key)),
      h('dd', does)])), h('p', 'Search: all words must occur in name, model, app, first words, error, tags or ids. ' +
      'kind:tool or any tag narrows it, also cost:>0.01, tokens:>=1000, duration:<2s; -kind:tool excludes, "two words" belong together. Click a filter for ' +
      'only it, Alt+click for all but it. Drag over a chart to select a time. Traces are chosen by all their spans, "in one span" by one.'),
    h('p', `Calls are llm and embedding spans. Cost: ${PRICED}.`),
    link('Close', () => $('help').close())), h('div', {id: 'print'}));
}
function searchDeep() {
  change({deep: !state.deep});
  deepSearch();
}
function help() {
  $('help').showModal();
}
let typing;
function typed() {
  change({query: $('search').value.trim()});
  clearTimeout(typing);
  typing = setTimeout(deepSearch, 150);
}

/* ---- facets and chips */

const FEW = 8, MANY = 60, ROW = 66;
const unfolded = new Set(), facetNodes = new Map();
const openTags = new Set([...tagValues].filter(([, {size}]) => size > 1 && size <= FEW_VALUES).map(([key]) => key)
  .slice(0, MANY));
const shownFacets = () => [...new Set([...SHOWN, ...openTags, ...state.only.keys(), ...state.not.keys()].map(facet))]
  .filter(Boolean);
const labelOf = (key, value, most) => line(key === 'run' && runs.has(value) ? titleOf(runs.get(value)) : value, most);
const picked = (list, key, value) => !!state[list].get(key)?.has(value);
const flip = (all, value) => all.delete(value) || all.add(value);
function toggled(list, key, value, on) {
  const to = new Map(state[list]), values = new Set(to.get(key));
  values[on ? 'add' : 'delete'](value);
  to[values.size ? 'set' : 'delete'](key, values);
  return to;
}
/* Selects a value, or all but it, or lets go of it. */
const pick = (key, value, not = false) => change({
  only: toggled('only', key, value, !not && !picked('only', key, value)),
  not: toggled('not', key, value, not && !picked('not', key, value))}, true);
function facetRow({key, values}, code) {
  const value = values[code], text = labelOf(key, value, 120), n = h('span.n');
  const only = h('button.only', {title: text, click: (event) => pick(key, value, event.altKey)},
    key === 'kind' && badge(value), h('span.label', text), n);
  const not = h('button.but', {'aria-label': 'all but ' + text, click: () => pick(key, value, true)}, '≠');
  return {n, only, not, row: h('div.value' + (key === 'status' ? '.' + value : ''), {'data-value': visible(value)},
    only, not)};
}
function facetNode({key}) {
  const body = h('div'), more = h('button.more', {click: () => {
    flip(unfolded, key);
    drawFacets();
  }});
  return {body, more, rows: new Map(), root: h('div.facet', {role: 'group', 'data-facet': visible(key),
    'aria-label': line(key, 60)}, h('h3', line(key, 60)), body, more)};
}
/* The values that are selected, then those that occur, the most frequent first. */
function drawFacet(of) {
  const {key, values, counts} = of, {body, more, root, rows} = entry(facetNodes, key, () => facetNode(of));
  const chosen = values.map((value) => picked('only', key, value) || picked('not', key, value));
  const codes = [...values.keys()].filter((code) => counts[code] || chosen[code]).sort((a, b) =>
    chosen[b] - chosen[a] || counts[b] - counts[a] || (values[a] < values[b] ? -1 : 1));
  const open = unfolded.has(key), shown = codes.slice(0, open ? MANY : FEW), rest = codes.length - shown.length;
  arrange(body, shown.map((code) => {
    const {row, only, not, n} = entry(rows, values[code], () => facetRow(of, code)), without = picked('not', key, values[code]);
    put(n, grouped(counts[code]));
    set(row, {'data-count': counts[code], 'data-not': without && 'true'});
    set(only, {'aria-pressed': picked('only', key, values[code])});
    set(not, {'aria-pressed': without});
    return row;
  }));
  more.hidden = !rest && !open;
  put(more, open ? '− fewer' : `+ ${grouped(rest)} more`);
  root.hidden = !shown.length;
  return root;
}
const tagsNode = h('div.facet', {role: 'group', 'aria-label': 'tags', id: 'tags'}), tagRows = new Map();
function tagRow(key) {
  const n = h('span.n'), only = h('button.only', {click: () => {
    flip(openTags, key);
    draw();
  }}, h('span.label', line(key, 60)), n);
  return {n, only, row: h('div.value', {'data-tag': visible(key)}, only)};
}
/* The keys of the tags, with how often they are there; a click opens one's values. */
function drawTags() {
  const {values, counts} = facetOfTags(), codes = [...values.keys()].filter((code) => counts[code] || openTags.has(values[code]));
  arrange(tagsNode, [tagsNode.firstChild ?? h('h3', 'tags'), ...codes.sort((a, b) => counts[b] - counts[a]).slice(0, MANY).map((code) => {
    const {row, only, n} = entry(tagRows, values[code], () => tagRow(values[code]));
    put(n, grouped(counts[code]));
    set(only, {'aria-pressed': openTags.has(values[code])});
    return set(row, {'data-count': counts[code]});
  })]);
  tagsNode.hidden = !codes.length;
}
function drawFacets() {
  drawTags();
  keepFocus($('search'), () => arrange($('facets'), [...shownFacets().map(drawFacet), tagsNode]));
}
function drawChips() {
  const chips = [], add = (text, click) => chips.push(h('button.switch', {click, 'aria-label': 'remove ' + text},
    text + ' ×'));
  for (const [, list] of LISTS) for (const [key, values] of state[list]) for (const value of values)
    add(`${line(key, 60)}${list === 'not' ? ' ≠ ' : ': '}${labelOf(key, value, 80)}`, () => pick(key, value, list === 'not'));
  if (state.range) add(state.range.map((us) => moment(us)).join(' – '), () => change({range: undefined}, true));
  if (state.pair.length === 1 && groupOf(state.pair[0])) add('compare ' + titleOfPair(groupOf(state.pair[0])), () => change({pair: []}, true));
  if (chips.length) chips.push(link('Clear all', clearAll));
  $('chips').hidden = !chips.length;
  keepFocus($('search'), () => $('chips').replaceChildren(...chips));
}
function clearAll() {
  change({only: new Map(), not: new Map(), range: undefined, query: '', pair: []}, true);
  $('search').focus();
}

/* ---- time */

const STEPS = [[1e3, 1, 2, 5, 10, 20, 50, 100, 200, 500], [1e6, 1, 2, 5, 10, 20, 30], [6e7, 1, 2, 5, 10, 20, 30],
  [3.6e9, 1, 2, 5, 12], [8.64e10, 1, 2, 5, 10, 20, 50, 100, 365]].flatMap(([unit, ...all]) => all.map((n) => n * unit));
/* Buckets over microseconds, begun at a round local time: at most 96, and each wide enough to be seen and hit. */
function bucketsOf([from, to], width) {
  const most = clamp(width / 8, 12, 96) - 1;
  const step = STEPS.find((one) => (to - from) / one <= most) ?? Math.ceil((to - from) / most);
  const shift = new Date(from / 1000).getTimezoneOffset() * 6e7 || 0;
  const first = Math.floor((from - shift) / step) * step + shift, size = Math.floor((to - first) / step) + 1;
  return {step, size, of: (us) => clamp(Math.floor((us - first) / step), 0, size - 1),
    text: (share) => moment(first + share * size * step, step * size > 7.2e10, step < 6e7),
    pick: (...ends) => {
      const range = ends.map((share) => first + Math.round(share * size) * step);
      if (range[0] < range[1]) change({range}, true);
    }};
}
function rangeOf(all) {
  if (state.range) return [state.range[0], state.range[1] - 1];
  return all.length ? all.reduce(([from, to], {start}) => [Math.min(from, start), Math.max(to, start)],
    [Infinity, -Infinity]) : undefined;
}
/* Calls done(a, b) with the part, from 0 to 1, over which a pointer was dragged. */
function onDrag(node, left, right, done) {
  const band = h('div.band', {hidden: true});
  const at = (event) => {
    const box = node.getBoundingClientRect();
    return clamp((event.clientX - box.left - left) / Math.max(1, box.width - left - right), 0, 1);
  };
  let from;
  const stop = () => {
    band.hidden = true;
    from = undefined;
  };
  node.append(band);
  set(node, {
    pointerdown: (event) => { if (!event.button) from = at(event); },
    pointermove: (event) => {
      if (from === undefined) return;
      const to = at(event), width = node.clientWidth - left - right;
      node.setPointerCapture(event.pointerId);
      band.hidden = false;
      band.style.left = left + Math.min(from, to) * width + 'px';
      band.style.width = Math.abs(to - from) * width + 'px';
    },
    pointerup: (event) => {
      const [a, b] = [from, at(event)].sort((x, y) => x - y);
      stop();
      if (b - a > 0.01) done(a, b);
    },
    pointercancel: stop,
  });
}
/* The least step of 1, 2 or 5 times a power of ten, in minutes and hours a round one of theirs, of which `most` fit. */
function roundStep(ns, most) {
  const long = STEPS.find((us) => us >= 6e7 && us * 1e3 * most >= ns), power = 10 ** Math.floor(Math.log10(ns / most || 1));
  return ns > 6e10 * most && long ? long * 1e3 : power * [1, 2, 5, 10].find((n) => n * power * most >= ns * (1 - 1e-9));
}
const bar = (...box) => {
  const [x, y, w, tall] = box.map((n) => n.toFixed(1));
  return `M${x} ${y}h${w}v${tall}h-${w}z`;
};
const histogram = {all: h('path.all'), bad: h('path.all.bad'), ticks: times(5, () => h('span'))};
function buildHistogram() {
  histogram.draw = h('svg', {role: 'img', height: 44}, histogram.all, histogram.bad);
  $('histogram').append(histogram.draw, h('div.ticks', histogram.ticks));
  onDrag($('histogram'), 12, 12, (a, b) => histogram.buckets.pick(a, b));
  new ResizeObserver(drawHistogram).observe($('histogram'));
}
function drawHistogram() {
  const range = rangeOf(found), width = $('histogram').clientWidth - 24;
  $('histogram').hidden = !range;
  if (!range || width <= 0) return;
  const {size, of, text} = histogram.buckets = bucketsOf(range, width);
  const all = new Float64Array(size), bad = new Float64Array(size);
  for (const s of found) {
    all[of(s.start)]++;
    bad[of(s.start)] += s.failed;
  }
  const most = Math.max(...all), step = width / size;
  const path = (values) => ({d: [...values].map((n, i) => {
    const tall = Math.max(2, n / most * 42);
    return n ? bar(i * step, 44 - tall, Math.max(1, step - 1), tall) : '';
  }).join('')});
  set(histogram.draw, {width, 'aria-label': `${plural(found.length, 'span')}, ${text(0)} to ${text(1)}`});
  set(histogram.all, path(all));
  set(histogram.bad, path(bad));
  histogram.ticks.forEach((tick, i) => {
    put(tick, text(i / 4));
    tick.hidden = width < 480 && i % 2 === 1;
  });
}

/* ---- the list */

let rows;
const BY = wordsFor(GROUP);
const byList = (id) => h('select.by', {id, 'aria-label': 'Group by', change: (event) => change({by: event.target.value, trace: '', span: ''}, true)});
function fillLists() {
  const options = ['', ...BY, ...[...tagKeys.keys()].filter((key) => !BY.includes(key)).slice(0, MANY)];
  for (const node of $$('.by')) {
    if (node.children.length !== options.length) node.replaceChildren(...options.map((key) =>
      h('option', {value: key}, key ? `by ${line(key, 40)}${key === 'tool' ? ' whose results a call takes' : ''}` : 'no groups')));
    node.value = state.by;
    node.hidden = state.view === 'sessions';
  }
}
function buildList() {
  $('bar').append(byList('by'), h('details', {id: 'columns'}, h('summary', 'Columns'), h('div', [...COLUMNS].map(([key, [head]]) =>
      press(head, () => change({columns: [...COLUMNS.keys()].filter((one) => state.columns.includes(one) !== (one === key))}), 'column-' + key)))));
  rows = new Rows($('list'), 'option', makeRow, showRow, (item, event) => (event.shiftKey ? mark : open)(item, true));
}
let drawnColumns;
/* The heads and the width of the columns; rows of other columns are made anew. */
function drawColumns() {
  const keys = state.columns, named = keys.join();
  for (const key of COLUMNS.keys()) set($('column-' + key), {'aria-pressed': keys.includes(key)});
  if (drawnColumns === named) return;
  drawnColumns = named;
  $('middle').style.setProperty('--columns', keys.map((key) => COLUMNS.get(key)[1] + 'px').join(' '));
  $('sort').replaceChildren(...['name', ...keys].map((sort) => h('button.col-' + sort, {'data-sort': sort, title: sort === 'cost' && PRICED,
    click: () => change({sort, down: state.sort === sort ? !state.down : sort !== 'name'})})));
  for (const row of rows.pool.splice(0)) row.remove();
}
const titleOfRow = (item) => (!item.many && item.question) || nameOf(item);
const nameOf = (item) => (item.many === 'run' ? titleOf(item) : item.many ? item.id : (item.root ?? item).name);

function makeRow() {
  const first = {badge: badge(''), name: h('b', {dir: 'auto'}), error: h('span.tag.bad'),
    doubt: h('span.tag.doubt')}, words = h('div.words', {dir: 'auto'}), sub = h('div.sub');
  const cells = state.columns.map((key) => h('div.cell.col-' + key));
  return Object.assign(h('div.row', h('div.line', Object.values(first)), words, sub, cells),
    {parts: {...first, words, sub, cells}});
}
/* The question, the answer, and in small letters what made them. */
function showRow(parts, item, row) {
  if (row.item === item && row.spans === item.spans) return;
  Object.assign(row, {item, spans: item.spans});
  const {spans: all, root = item, models = [item.model], failures = item.failed, doubts: doubt = doubts(item), many} = item;
  const [model] = models, note = item.note ?? '', asked = !many && item.question;
  setBadge(parts.badge, root.kind);
  put(parts.name, many ? labelOf(many, nameOf(item)) : line(asked || nameOf(item)));
  put(parts.words, line((many ? item.question : item.answer) ?? ''));
  put(parts.sub, dots(asked && line(nameOf(item), 60), root.ml_app && line(root.ml_app, 60), model && modelLine(model) +
    (models.size > 1 ? ` +${models.size - 1}` : ''), many &&
    tracesOf(all), many && plural(callsOf(item), 'call'),
    !many && turnOf(root), all ? plural(all.length, 'span') : line(root.kind, 30)));
  put(parts.error, failures ? line(item.error ?? 'error', 60) : '');
  put(parts.doubt, doubt ? doubt > 1 ? `${doubt} evaluations failed` : 'evaluation failed' : '');
  state.columns.forEach((key, i) => {
    put(parts.cells[i], COLUMNS.get(key)[2](item));
    const some = key === 'cost' && item.cost !== undefined;
    set(parts.cells[i], {title: some ? dots(note, PRICED) : key === 'tokens' ? note || lack(all ?? [item]) : ''}).classList.toggle('some', some && !!note);
  });
  row.classList.toggle('marked', state.pair.includes(pairKey(item)));
  set(row, {'data-run': many === 'run' ? line(item.id) : undefined, 'data-group': many && many !== 'run' ? visible(item.id) : undefined,
    'data-calls': many && callsOf(item), 'data-errors': many && errorsOf(item), 'data-input': item.input, 'data-output': item.output, 'data-cost': item.cost});
}
/* The chosen spans in groups of a key's values. */
function groupsBy(key) {
  const groups = new Map(), of = readerOf(key);
  for (const s of found) {
    const values = valuesOf(of, s);
    for (const value of new Set(values.length ? values : [undefined]))
      entry(groups, value, () => Object.assign(new Kin(value ?? NONE, key), {without: value === undefined})).add(s);
  }
  return groups.values();
}
/* The spans that were found, as traces, spans or sessions; the unknown comes last in either order. */
function itemsOf() {
  const {view, sort, down, by} = state, sign = down ? -1 : 1;
  const items = view === 'sessions' ? new Set(found.map((s) => sessions.get(s.session)).filter(Boolean))
    : by && readerOf(by) ? groupsBy(by) : view === 'spans' ? found : entriesOf();
  const value = sort === 'name' ? titleOfRow : COLUMNS.get(sort)[3] ?? ((item) => item[sort]);
  return [...items].map((item) => [value(item), item]).sort(([a, x], [b, y]) =>
    (a === undefined) - (b === undefined) || (a < b ? -sign : a > b ? sign : y.start - x.start)).map(([, item]) => item);
}
const isOpen = ({spans: all, id, many, trace}) =>
  (all ? id === (many === 'session' ? state.talk : many ? undefined : state.trace) : trace === state.trace && id === state.span);

function drawList() {
  drawColumns();
  const items = itemsOf(), held = rows.item, at = items.findIndex(isOpen), kin = items[0] instanceof Kin;
  for (const node of $('sort').children) {
    const key = node.dataset.sort, on = key === state.sort;
    put(node, (COLUMNS.get(key)?.[0] ?? plural(items.length, kin ? 'group' : items.some((one) => one.many === 'run') ? 'row' : state.view.slice(0, -1))) +
      (kin && (key === 'length' || key === 'first') ? ' p50' : '') +
      (on ? state.down ? ' ↓' : ' ↑' : ''));
    set(node, {'aria-pressed': on});
  }
  $('list').hidden = !items.length;
  $('nothing').hidden = items.length > 0;
  $('deeper').hidden = state.deep || !terms().some(({of, bound}) => !of && !bound);
  set($('list'), {'aria-label': state.view});
  rows.set(items, ROW, at >= 0 ? at : items.indexOf(held));
}
/* Opens a trace, a span in its trace, the talk of a session, or the traces of a run or a group. */
function open(item, step) {
  if (item.without) return tell(`these have no ${item.many}`);
  const {many, id} = item;
  change(many === 'session' && !state.by ? {talk: id, trace: '', span: ''}
    : many ? {view: state.view === 'spans' ? 'spans' : 'traces', by: '', trace: '', span: '', only: toggled('only', many, id, true)}
    : item.spans ? {trace: item.id, span: ''} : {trace: item.trace, span: item.id}, step);
}
/* Moves the current row; an open trace follows it. */
function moveRow(by) {
  if (!rows.items.length) return;
  rows.go(rows.current < 0 ? 0 : rows.current + by);
  const item = rows.item;
  if (shown && !narrow.matches && !item.many) open(item);
}

/* ---- a trace */

const DEPTH = 60, NODES = 500;
let tree, shown; /* the rows of the waterfall; the open trace and how it is looked at */
const panel = {};

/* Orders spans as a tree, without recursion: parents may be missing, or a circle, or deep. */
function flatten(all) {
  const ids = new Map(all.map((s) => [s.id, s])), below = new Map(), nodes = [], seen = new Set();
  const parentOf = (s) => (s.parent === s.id ? undefined : ids.get(s.parent));
  const old = [...all].sort((a, b) => a.start - b.start || (b.length ?? 0) - (a.length ?? 0));
  for (const s of old) if (parentOf(s)) entry(below, parentOf(s)).push(s);
  const walk = (top, why) => {
    for (const stack = [{span: top, depth: 0, why}]; stack.length;) {
      const node = stack.pop();
      if (seen.has(node.span)) continue;
      seen.add(node.span);
      nodes.push(node);
      for (const span of entry(below, node.span).slice().reverse())
        stack.push({span, parent: node, depth: node.depth + 1});
      node.some = below.get(node.span).length > 0;
    }
  };
  for (const s of old) if (!parentOf(s)) walk(s, s.parent && 'parent elsewhere');
  for (const s of old) walk(s, 'circle of parents');
  return nodes;
}
function buildPanel() {
  const flipper = (key) => press('only ' + key, () => drawTree({[key]: !shown[key]}), 'only-' + key);
  Object.assign(panel, {head: h('div.head', {id: 'trace'}), hits: h('span.faint', {role: 'status'}),
    find: search('trace-search', 'Search in this trace', 'Search in this trace',
      () => drawTree({query: panel.find.value})), errors: flipper('errors'), llm: flipper('llm'),
    span: h('div', {id: 'span'}), talk: h('div', {id: 'talk', tabindex: 0}),
    tree: h('div', {id: 'tree', role: 'tree', tabindex: 0, 'aria-label': 'Spans'})});
  const lane = panel.lane = h('div.lane');
  panel.ticks = h('div', {'aria-hidden': true});
  lane.append(panel.ticks);
  panel.tools = h('div', {id: 'trace-tools'}, panel.find, panel.hits, panel.errors, panel.llm);
  $('panel').append(panel.head, panel.tools, h('div.lanes', {id: 'axis', dblclick: () => drawTree({zoom: [0, 1]}),
    title: 'drag to zoom, double click for the whole time'}, h('span', 'span'), lane, h('span', 'duration')),
  panel.tree, panel.span, panel.talk);
  tree = new Rows(panel.tree, 'treeitem', makeTreeRow, showTreeRow, (node, event) => {
    if (node.some && event.target.closest('.fold')) fold(node.span);
    else change({span: node.span.id});
  });
  onDrag(lane, 0, 0, (...ends) => {
    const [from, to] = shown.zoom;
    drawTree({zoom: ends.map((share) => from + share * (to - from))});
  });
}
function fold(s, on = !shown.folded.has(s)) {
  shown.folded[on ? 'add' : 'delete'](s);
  drawTree();
}
/* The rows that the switches, the search and the folds leave, with the path to each. */
function treeItems() {
  const {nodes, folded, errors, llm, query} = shown, words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const asked = errors || llm || words.length, keep = new Set();
  let hits = 0, hidden = Infinity; /* the depth below which a fold hides */
  for (const node of nodes) {
    const s = node.span, text = words.length ? wordsOf(s) + plain(lineOf(s)) : '';
    node.hit = (!errors || s.failed) && (!llm || s.kind === 'llm') && words.every((word) => text.includes(word));
    hits += node.hit;
    for (let up = node; node.hit && up && !keep.has(up); up = up.parent) keep.add(up);
  }
  put(panel.hits, asked ? plural(hits, 'span') : '');
  return nodes.filter((node) => {
    if (node.depth > hidden || !keep.has(node)) return false;
    hidden = !asked && folded.has(node.span) ? node.depth : Infinity;
    return true;
  });
}
function makeTreeRow() {
  const cell = {fold: h('span.fold'), badge: badge(''), name: h('span.name', {dir: 'auto'}), sub: h('span.sub')};
  const parts = {...cell, cell: h('div.cell', Object.values(cell)), bar: h('i.bar'), wait: h('i.bar.wait'),
    took: h('span.took')};
  return Object.assign(h('div.lanes.row', parts.cell, h('div.lane', parts.bar, parts.wait), parts.took), {parts});
}
function placeBar(node, ...ends) {
  const [a, b] = ends.map((share) => clamp(share * 100, -1, 101) || 0);
  node.hidden = b < 0 || a > 100;
  node.style.left = a + '%';
  node.style.width = Math.max(b - a, 0) + '%';
}
function showTreeRow(parts, {span: s, depth, some, hit, why}, row) {
  const {group, zoom: [from, to], folded} = shown, level = Math.min(depth, DEPTH), open = !folded.has(s);
  const at = (us) => (((us - group.start) * 1000 / group.length || 0) - from) / (to - from);
  parts.cell.style.paddingLeft = Math.min(level * (narrow.matches ? 8 : 14), 168) + 'px';
  set(row, {'aria-level': level + 1, 'aria-expanded': some ? open : undefined, title:
    `${line(s.name, 80)} (${line(s.kind, 40)})\nafter ${duration((s.start - group.start) * 1000)}, for ${
      duration(s.length)}` + (s.first === undefined ? '' : `\nfirst token after ${duration(s.first)}`)});
  put(parts.fold, some ? open ? '▾' : '▸' : '');
  put(parts.name, line(s.name));
  put(parts.sub, dots(why && '↗ ' + why, s.failed && line(s.error ?? 'error', 40), modelLine(s.model ?? s.kind), scoresOf(s).text));
  put(parts.took, duration(s.length));
  for (const [name, on] of [['failed', s.failed], ['dim', !hit], ['parent', some]]) row.classList.toggle(name, on);
  setBadge(parts.badge, s.kind);
  paintAs(parts.bar, oneOf(s.kind, ['faint', ...KINDS]));
  placeBar(parts.bar, at(s.start), at(end(s)));
  placeBar(parts.wait, at(s.start), at(Math.min(s.start + (s.first ?? 0) / 1000, end(s))));
  if (!s.first) parts.wait.hidden = true;
}
function drawTree(to) {
  Object.assign(shown, to);
  const items = treeItems(), tall = narrow.matches ? 36 : 26, [a, b] = shown.zoom;
  for (const key of ['errors', 'llm']) set(panel[key], {'aria-pressed': !!shown[key]});
  const {length} = shown.group, step = roundStep((b - a) * length, 4), first = Math.ceil(a * length / step) * step;
  const place = (ns) => ((ns / length - a) / (b - a) * 100 || 0) + '%';
  panel.ticks.replaceChildren(...times(length > 0 ? Math.floor((b * length - first) / step + 1e-9) + 1 : 0, (i) => {
    const node = h('span', round(first + i * step));
    node.style.left = place(first + i * step);
    return node;
  }));
  const share = Math.min(1, step / length / (b - a)) || 1; /* a background's place is that of the rest */
  panel.tree.style.setProperty('--step', share * 100 + '%');
  panel.tree.style.setProperty('--first', ((first / length - a) / (b - a) / (1 - share) * 100 || 0) + '%');
  panel.tree.style.height = items.length * tall + 1 + 'px';
  tree.set(items, tall, items.findIndex((node) => node.span === shown.span));
}
/* Why tokens are absent, and how to have true ones; nothing is guessed. */
function lack(all) {
  const calls = all.filter((s) => s.kind === 'llm' && !s.failed && s.input === undefined && s.output === undefined);
  const streams = calls.filter((s) => s.first !== undefined).length;
  return streams ? `${plural(streams, 'streamed call')} told no tokens${string(meta.lack)}`
    : calls.length ? `${plural(calls.length, 'call')} told no tokens` : '';
}
const fact = (value, label, name, raw) => value && h('span', label && label + ' ', h('b', name &&
  {'data-sum': name, 'data-value': raw ?? ''}, value));
const faint = (text) => text && h('span.faint', text);
/* Tokens and cost of a group, and of how many calls they are. */
const spent = (group, name) => [fact(tokens(group) === undefined ? NONE : `${short(group.input)} in / ${short(group.output)} out`, 'tokens',
  name + '-tokens', tokens(group)), faint(group.sums.input.note), fact(dollars(group.cost), 'cost', name + '-cost', group.cost),
faint(dots(group.sums.cost.note, PRICED)), faint(lack(group.spans))];
const headline = (title, kind, tag) => h('div.line', h('button.small.link', {id: kind && 'back', click: close}, '‹ Back'), kind,
  h('h1', {dir: 'auto'}, title), tag, h('button.close', {click: close, 'aria-label': 'Close'}, '×'));
function headOf(group) {
  const {root, failures, id} = group;
  return [headline(line(root.name), badge(root.kind), h('span.tag.' + (failures ? 'bad' : 'good'), failures ? plural(failures, 'error') : 'ok')),
  h('div.facts', `${moment(group.start)} ${zone()}`, fact(duration(group.length), 'duration'),
    fact(grouped(group.spans.length), 'spans'), spent(group, 'trace'), fact(scoresOf(group).text, 'evaluations'),
    fact(root.ml_app && line(root.ml_app, 60), 'app'), root.session && press('session ' + line(root.session, 60),
      () => change({talk: root.session, trace: '', span: ''}, true)), press('Compare', () => mark(group), 'compare'),
    press(`${line(id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id)} copy`, () => copy(id), 'copy-trace'))];
}
function close() {
  change({trace: '', span: '', talk: '', pair: []}, true);
  $('list').focus();
}
function drawHead() {
  panel.tools.hidden = shown.group.spans.length < 9;
  keepFocus(panel.tree, () => panel.head.replaceChildren(...headOf(shown.group)));
}
function drawTrace() {
  const other = state.view !== 'timeseries' && [pairOf(), !state.trace && sessions.get(state.talk)].find(Boolean);
  const group = state.view !== 'timeseries' && !other && traces.get(state.trace);
  $('panel').hidden = !group && !other;
  $('app').classList.toggle('open', !!group || !!other);
  for (const node of $('panel').children) node.classList.toggle('gone', (node === panel.talk) !== !!other);
  if (other) drawTalk(other);
  else drawnTalk = undefined;
  if (!group) {
    shown = undefined;
    tree.set([], 1, -1);
    return;
  }
  if (shown?.group !== group) {
    shown = {group, nodes: flatten(group.spans), folded: new Set(), zoom: [0, 1], query: ''};
    panel.find.value = '';
    drawHead();
  }
  /* A trace begins with its first failed span, else with the first that says something. */
  const all = shown.nodes.map(({span}) => span), had = shown.span;
  shown.span = all.find((s) => s.id === state.span) ?? all.find((s) => s.failed) ??
    all.find((s) => s.question || s.answer) ?? all[0];
  drawTree();
  if (had !== shown.span && tree.current >= 0) tree.reveal(tree.current);
  drawSpan();
}

/* ---- a session as a conversation, and two traces or groups side by side */

let drawnTalk; /* what the panel has in the place of a trace */
function drawTalk(other) {
  const named = [state.talk, state.pair.length && filtered, spans.length, evaluations.size].join();
  if (drawnTalk === named) return;
  drawnTalk = named;
  keepFocus(panel.talk, () => panel.talk.replaceChildren(h('div', Array.isArray(other) ? compared(...other) : talkOf(other))));
  panel.talk.scrollTop = 0;
}
const headOfTalk = (title, ...facts) => [headline(title), h('div.facts', ...facts)];
const sayer = ({role}) => ROLES.get(String(role).toLowerCase()) ?? 'other';
const contentOf = ({content}) => (content && (string(content) ?? written(content))) || '';
/* Two messages with an equal one of these are the same, though an answer comes again in another form. */
const heard = (one) => [sayer(one), contentOf(one), ...few(one.tool_calls, ({name, tool_id: id}) => name + id),
  ...few(one.tool_results, ({tool_id: id}) => id)].join('\x1f');
/* The messages of a call which the conversation has not had: a request repeats it, from its begin or a part. The last one
 * was said, even if with the same words. */
function freshOf(said, asked) {
  let from = 0;
  return asked.filter((one, i) => {
    const at = said.indexOf(heard(one), from), again = at >= 0 && (i < asked.length - 1 || sayer(one) === 'system');
    if (again) from = at + 1;
    return !again;
  });
}
const TURNS = 200;
function talkOf(session) {
  const said = [], all = session.spans.filter((s) => s.kind === 'llm' || s.billed || !s.parent && !s.group.spans.some((one) => one.kind === 'llm'))
    .sort((a, b) => a.start - b.start), calls = all.slice(-TURNS), feedback = feedbackOf(session.id);
  let last, part, tools;
  const parts = calls.map((s) => {
    const [asked, answers] = ['input', 'output'].map((side) => messagesOf(about(s)[side]).map(members));
    const names = namesOf([...asked, ...answers]);
    const fresh = freshOf(said, asked).concat(answers).filter((one) => one.role || one.content);
    said.push(...fresh.map(heard));
    const head = s.group !== last && turnHead(s.group);
    [part, tools] = thread(fresh, names, last = s.group, head ? undefined : tools);
    return [head, part, !fresh.length && [s.question && card('user', 'user', s.question, block(s.question)),
      s.answer && card('assistant', 'assistant', s.answer, block(s.answer, answer))], s.failed && h('div.box.bad', h('b', line(s.error ?? 'error')))];
  });
  return [headOfTalk('session ' + line(session.id, 200), fact(tracesOf(session.spans)),
    fact(plural(callsOf(session), 'call')), spent(session, 'talk'), press('its traces', () => change({view: 'traces', talk: '', only: toggled('only', 'session', session.id, true)}, true))),
  feedback.slice(0, 64).map(verdict), all.length > TURNS && h('p.faint', plural(all.length - TURNS, 'earlier call')), parts];
}
const turnHead = (group) => h('p.turn', h('button.link', {'data-turn': visible(group.id), click: () => change({trace: group.id, span: ''}, true)},
  line(nameOf(group), 80)), ` ${dots(moment(group.start), duration(group.length), dollars(group.cost), scoresOf(group).text)} `,
  group.failures > 0 && h('span.tag.bad', line(group.error ?? 'error', 60)));
/* Cards; what tools were asked and gave is folded, unless one failed. */
function thread(messages, names, {spans: all}, tools) {
  const parts = [], show = message(names);
  for (const one of messages) {
    const isTool = sayer(one) === 'tool' || !string(one.content) && list(one.tool_calls).length > 0;
    if (!isTool) tools = undefined;
    else if (!tools) parts.push(tools = Object.assign(h('details.earlier', h('summary')), {names: new Set()}));
    (isTool ? tools : parts)[isTool ? 'append' : 'push'](show(one));
    if (!isTool) continue;
    for (const of of [one.tool_calls, one.tool_results]) few(of, ({name, tool_id: id}) => tools.names.add(name || names.get(id) || '?'));
    const failed = all.find((s) => s.failed && s.kind === 'tool' && tools.names.has(s.name));
    put(tools.firstChild, `tools: ${[...tools.names].slice(0, 8).map((name) => line(name, 60)).join(', ')}${
      failed ? `, ${line(failed.name, 60)} failed: ${line(failed.error ?? 'error', 60)}` : ''}`);
    tools.open = !!failed;
  }
  return [parts, tools];
}

/* "trace:ID", or a key and a value of the groups of the list. */
const pairKey = (item) => (item.spans ? `${item.many ?? 'trace'}:${item.id}` : `trace:${item.trace}`);
function groupOf(text) {
  const colon = text.indexOf(':'), key = text.slice(0, colon), id = text.slice(colon + 1);
  if (key === 'trace') return traces.get(id);
  const of = readerOf(key), group = new Kin(id, key);
  for (const s of of ? found : []) if (valuesOf(of, s).includes(id)) group.add(s);
  return group.root && group;
}
function pairOf() {
  const pair = state.pair.map(groupOf);
  return pair.length === 2 && pair.every(Boolean) && pair;
}
/* Marks a first one, and then shows both. */
function mark(item) {
  const key = pairKey(item), has = state.pair.includes(key);
  change({pair: has ? state.pair.filter((one) => one !== key) : [...state.pair.slice(0, 1), key]}, true);
  tell(!has && state.pair.length < 2 ? 'marked: compare another' : '');
  for (const row of rows.pool) row.item = undefined;
  rows.draw();
}
const titleOfPair = (group) => (group.many ? `${group.many} ${labelOf(group.many, group.id, 80)}` : line(group.question ?? nameOf(group), 80));
/* The words of a and b in one text: [words, -1 only in a, 0 in both, 1 only in b]. */
function differences(a, b) {
  const [x, y] = [a, b].map((text) => text.match(/\S+\s*|\s+/g) ?? []), parts = [];
  const add = (words, side) => {
    const last = parts[parts.length - 1];
    if (last?.[1] === side) last[0] += words;
    else if (words) parts.push([words, side]);
  };
  let from = 0, to = 0;
  while (from < x.length && x[from] === y[from]) from++;
  while (to < Math.min(x.length, y.length) - from && x[x.length - 1 - to] === y[y.length - 1 - to]) to++;
  const [m, n] = [x.length - from - to, y.length - from - to], wide = n + 1;
  add(x.slice(0, from).join(''), 0);
  if (m * n > 4e6) { /* too much to be told word by word */
    add(x.slice(from, from + m).join(''), -1);
    add(y.slice(from, from + n).join(''), 1);
  } else {
    const same = new Uint16Array((m + 1) * wide);
    for (let i = m - 1; i >= 0; i--) for (let k = n - 1; k >= 0; k--)
      same[i * wide + k] = x[from + i] === y[from + k] ? same[(i + 1) * wide + k + 1] + 1 : Math.max(same[(i + 1) * wide + k], same[i * wide + k + 1]);
    for (let i = 0, k = 0; i < m || k < n;) {
      if (i < m && k < n && x[from + i] === y[from + k]) [i, k] = [add(x[from + i], 0) ?? i + 1, k + 1];
      else if (k >= n || i < m && same[(i + 1) * wide + k] >= same[i * wide + k + 1]) add(x[from + i++], -1);
      else add(y[from + k++], 1);
    }
  }
  add(x.slice(x.length - to).join(''), 0);
  return parts;
}
const difference = (a, b) => h('div.text', differences(a, b).map(([words, side]) => (side ? h(side < 0 ? 'del' : 'ins', visible(words)) : visible(words))), {dir: 'auto'});
const saidBy = (side, all = messagesOf(side).map(members), names = namesOf(all)) => all.map((one) => [`${line(one.role ?? '', 40)}: ${contentOf(one)}`,
  ...few(one.tool_calls, (call) => `calls ${line(call.name ?? '?', 80)} ${written(call.arguments)}`),
  ...few(one.tool_results, (to) => `result of ${line(to.name || names.get(to.tool_id) || '?', 80)} ${
    string(to.result) ?? written(to.result)}`)].join('\n')).join('\n\n') || string(side?.value) || '';
/* The parameters as texts; null is none, in a member of one as well. */
const parametersOf = ({metadata}) => new Map(Object.entries(members(metadata)).filter(([key]) => key !== 'caller' && key !== 'transfer')
  .map(([key, value]) => [key, written(value, 0, (of, one) => one ?? undefined)]));
/* The calls that are shown beside each other: in their order, or those of groups that were asked the same. */
function callsOfPair(a, b) {
  const [x, y] = [a, b].map((group) => group.spans.filter((s) => s.call || s.billed).sort((p, q) => p.start - q.start));
  if (!a.many) return times(Math.min(20, Math.max(x.length, y.length)), (i) => [x[i], y[i]]);
  const asked = new Map(y.filter((s) => s.question).map((s) => [s.question, s]));
  return x.filter((s) => asked.has(s.question)).map((s) => [s, asked.get(s.question)]);
}
function compared(a, b) {
  const both = [a, b], pairs = callsOfPair(a, b);
  const rowOf = (label, of, unit, name) => {
    const [x, y] = both.map(of), more = number(x) !== undefined && number(y) !== undefined && x !== y ? y - x : undefined;
    return (x ?? y) !== undefined && h('tr', {'data-pair': name}, h('th', {scope: 'row'}, label), [x, y].map((n) => h('td', {'data-value': n ?? ''}, unit(n))),
      h('td', more === undefined ? '' : `${more > 0 ? '+' : '−'}${unit(Math.abs(more))}${x > 0 ? `\n× ${digits(y / x)}` : ''}`));
  };
  return [headOfTalk('Compare', press('end', () => change({pair: []}, true))), h('div.scroll', grid(['', ...both.map(titleOfPair), 'difference'], [
    rowOf('model', ({models}) => [...models].slice(0, 4).join(', '), (text) => line(text || NONE, 120), 'model'),
    rowOf('calls', callsOf, grouped, 'calls'), rowOf('errors', errorsOf, grouped, 'errors'),
    a.many ? [rowOf('p50', (one) => one.length, duration, 'p50'), rowOf('p95', (one) => middle(one, lengthOf, 95), duration, 'p95'),
      rowOf('first token p50', (one) => one.first, duration, 'ttft'),
      pairs.length && [rowOf('same question, sooner', (one) => pairs.filter(([x, y]) => (one === a ? x.length < y.length : y.length < x.length)).length, grouped, 'sooner'),
        rowOf('same question, p50', (one) => percentile(pairs.map((pair) => pair[+(one === b)].length), 50), duration, 'same')]]
      : [rowOf('duration', (one) => one.length, duration, 'length'), rowOf('first token', (one) => one.first, duration, 'ttft')],
    rowOf('tokens in', (one) => one.input, short, 'input'), rowOf('tokens out', (one) => one.output, short, 'output'), rowOf('cost', (one) => one.cost, dollars, 'cost'),
    rowOf('evaluations passed', (one) => scoresOf(one).share, short, 'scores')])), faint(PRICED), pairs.slice(-10).map(pairOfCalls)];
}
function pairOfCalls(pair, at) {
  const both = pair.map((s) => (s ? about(s) : {})), [x, y] = both, [old, now] = both.map(parametersOf);
  const rowsOf = (same) => [...new Map([...old, ...now]).keys()].filter((key) => (old.get(key) === now.get(key)) === same &&
    (old.get(key) ?? now.get(key))).slice(0, 40).map((key) => h('tr', h('th', {scope: 'row'}, line(key, 80)),
    [old, now].map((all) => h('td', line(all.get(key) ?? NONE, 200)))));
  const tableOf = (rows) => grid(['parameter', 'first', 'second'], rows), other = rowsOf(false), equal = rowsOf(true);
  const side = (title, from, to) => {
    const same = from === to;
    return (from || to) && [h('h3.side', title + (same ? ', the same' : '')), same ? h('div.text.faint', line(from, 200)) : difference(from, to)];
  };
  return h('section', {'data-calls': at}, h('h2', dots(...new Set(pair.map((s) => (s ? modelLine(s.model ?? s.name, 80) : 'no call'))))),
    h('div.facts', pair.map((s) => s && fact(dots(duration(s.length), `${short(s.input)} → ${short(s.output)}`, dollars(s.cost))))),
    other.length > 0 && tableOf(other),
    equal.length > 0 && h('details', h('summary', plural(equal.length, 'equal parameter')), tableOf(equal)),
    side('Input', saidBy(x.input), saidBy(y.input)), side('Output', saidBy(x.output), saidBy(y.output)));
}

function moveSpan(by) {
  const to = tree.items[tree.current + by];
  if (shown && to) change({span: to.span.id});
}
/* To the next failed span: in the open trace, then in the list. */
function moveError(by) {
  const next = (all, at) => {
    do at += by; while (all[at] && !(all[at].failures || all[at].failed));
    return at;
  };
  const all = shown ? shown.nodes.map(({span}) => span) : [], s = all[next(all, all.indexOf(shown?.span))];
  if (s && shown) return change({span: s.id});
  const at = next(rows.items, rows.current);
  if (!rows.items[at]) return tell('no more errors');
  rows.go(at);
  open(rows.items[at]);
}

/* ---- a span */

let drawn = []; /* the span and the tab on the screen */
function drawSpan() {
  const s = shown.span, [old, tab] = drawn;
  if (old === s && tab === state.tab) return;
  drawn = [s, state.tab];
  if (old !== s) {
    keepFocus(panel.tree, () => panel.span.replaceChildren(...headOfSpan(s).filter(Boolean)));
    panel.span.scrollTop = 0;
  }
  for (const node of $('tabs').children) {
    const on = node.dataset.tab === state.tab;
    set(node, {'aria-selected': on, tabindex: on ? 0 : -1});
  }
  set($('tab'), {'aria-labelledby': 'tab-' + state.tab}).replaceChildren(h('div', {messages: messagesTab,
    timing: timingTab, info: infoTab, raw: rawTab, curl: curlTab}[state.tab](s, about(s))));
}
/* Tokens a second after the first token, only where both are known. */
function speed(s) {
  const seconds = (s.length - s.first) / 1e9;
  return s.output > 1 && seconds > 0 ? short(Math.round((s.output - 1) / seconds)) : '';
}
function headOfSpan(s) {
  const parts = [[s.read, 'cached'], [s.write, 'to the cache'], [s.reasoning, 'reasoning']].filter(([n]) => n)
    .map(([n, word]) => `${short(n)} ${word}`).join(', ');
  return [h('div.line', badge(s.kind), h('h2', {dir: 'auto'}, line(s.name)), h('span.tag', line(s.kind, 40)),
    s.model && h('span.tag', line(s.model, 100)),
    s.response_model && s.response_model !== s.model && faint('answered by ' + line(s.response_model, 100))),
  h('div.facts', fact(duration(s.length)), s.first !== undefined && fact(duration(s.first), 'first token'),
    counts(s) && [fact(`${short(s.input)} → ${short(s.output)}`), faint(parts && `(${parts})`),
      fact(dollars(s.cost), '', 'span-cost', s.cost), faint(s.estimate === undefined ? PRICED : dots(dollars(s.estimate), PRICED)), faint(lack([s]))], speed(s) && fact(speed(s) + ' tok/s')),
  ...boxesOf(s), h('div', {id: 'tabs', role: 'tablist', 'aria-label': 'Span'}, TABS.map((tab) => h('button',
    {role: 'tab', id: 'tab-' + tab, 'data-tab': tab, 'aria-controls': 'tab', click: () => change({tab})}, upper(tab)))),
  h('div', {id: 'tab', role: 'tabpanel', tabindex: 0})];
}
const prose = (text) => string(text) && h('div.text', {dir: 'auto'}, folded(text));
/* The error and the evaluations. */
function boxesOf(s) {
  const {type, message, stack} = about(s).error ?? {}, title = line(type || s.error || 'error');
  const status = /^http.status_code:([345]\d\d)$/m.exec(s.tags.join('\n'))?.[1];
  return [s.failed && h('div.box.bad', {id: 'error'}, h('b', title, status && !/^http_/.test(title) && `, HTTP ${status}`), prose(message),
    prose(stack)), ...evaluationsOf(s).slice(0, 64).map(verdict)];
}
function verdict(one) {
  const said = one.assessment, value = one.score_value ?? one.categorical_value ?? one.boolean_value ??
    one.json_value ?? one.text_value ?? NONE;
  return h('div.box', one.submitter ? 'feedback ' : 'evaluation ', h('b', line(one.label ?? '?', 100)), ' ', line(JSON.stringify(value), 500), ' ',
    string(said) && h('span.tag.' + (said === 'fail' ? 'bad' : 'good'), line(said, 40)), prose(one.reasoning));
}

/* ---- texts and JSON */

let printing = false; /* nothing is folded on paper */
const restButton = (text, show) => link(text, (event) => {
  show();
  keepFocus($('tab'), () => event.target.remove());
});
/* The first 14 lines of a text, and a button for the rest. */
function folded(said, show = (text) => [text], box = {}) {
  const text = visible(said), lines = text.split('\n', 15);
  if (printing || box.whole || lines.length < 15 && text.length < 2000) return show(text);
  const part = h('div.fade', show(text.slice(0, Math.min(1600, lines.slice(0, 14).join('\n').length))
    .replace(/[\ud800-\udbff]$/, '')));
  return [part, restButton(`Show all ${grouped(text.length)} characters`, () => {
    box.whole = true;
    part.className = '';
    part.replaceChildren(...show(text));
  })];
}
const named = (key) => (key === undefined ? '' : [h('span.key', line(key, 200)), ': ']);
/* A value as a tree, whose members are made when their node is unfolded. */
function json(value, key, depth = 0) {
  if (value === null || typeof value !== 'object')
    return h('div.leaf', named(key), h('span.v-' + typeof value, folded(value)));
  const pairs = Object.entries(value), n = pairs.length, size = Array.isArray(value) ? `[${n}]` : `{${n}}`;
  if (!n || depth >= DEPTH) return h('div.leaf', named(key), size);
  const body = h('div.nodes'), add = (from) => {
    body.append(...pairs.slice(from, from + NODES).map(([k, one]) => json(one, k, depth + 1)));
    if (n > from + NODES) body.append(restButton(`${grouped(n - from - NODES)} more`, () => add(from + NODES)));
  };
  const node = h('details', {toggle: () => node.open && !body.firstChild && add(0)},
    h('summary', named(key), h('span.size', size), h('span.hint', ' ' + line(written(value) ?? '…', 90))), body);
  if (printing ? depth < 8 : !depth || depth < 2 && n <= 6) {
    add(0);
    node.open = true;
  }
  return node;
}
const mono = (value) => h('div.mono', json(value));
/* undefined: it is too deep to be written. */
function written(value, indent, change = null) {
  try {
    return JSON.stringify(value, change, indent);
  } catch {
    return undefined;
  }
}
const asJson = (text) => {
  const value = /^\s*[[{]/.test(text) && text.length < 1e6 ? parse(text) : undefined;
  return value && Object.keys(value).length ? value : undefined;
};
/* A text that is a JSON object or array is shown as a tree. */
function block(text, show = prose) {
  const value = asJson(text);
  if (!value) return show(text) ?? '';
  const box = mono(value);
  if (!printing) box.append(link('as text', () => keepFocus($('tab'), () => box.replaceWith(prose(text)))));
  return box;
}

/* ---- answers in Markdown, as elements and texts: a link shows its address and leads nowhere, a picture is a link.
 * The time grows as the text does: a line is read once a level, and a sign finds its end in a map. */

const LEVELS = 8, LONG = 3e5;
const BEGINS = {fence: /^( *)(`{3,}|~{3,})([^`]*)$/, head: /^ {0,3}(#{1,6}) +(.+)/, rule: /^ {0,3}([-*_])(?: *\1){2,} *$/,
  quote: /^ {0,3}> ?/, item: /^( *)([-*+]|(\d{1,9})[.)])( +|$)/};
const SIGN = /\\[*_~#|+.!>-]|`+|\*{1,3}|_{1,3}|~~|!?\[|\]\(([^\s()[\]]+)(?: "[^"\n]*")?\)/g;
const STRESS = {'*': 'em', '**': 'b', '***': 'b.em', '~~': 's'};

/* The signs of a text, and which one ends which; of two that begin the same, the second. Inside of a word a star or an
 * underline is a part of it. */
function signsOf(text) {
  const signs = [...text.matchAll(SIGN)], ticks = new Map(), open = new Map();
  for (let at = signs.length; at--;) {
    const one = Object.assign(signs[at], {at}), [sign] = one;
    if (sign[0] !== '`') continue;
    one.end = ticks.get(sign);
    ticks.set(sign, one);
  }
  for (let i = 0; i < signs.length; i++) {
    const one = signs[i], [sign, url] = one, kind = url || sign === '![' ? '[' : sign, from = open.get(kind);
    const inWord = /^(\*|_+)$/.test(sign);
    const [before, after] = [text[one.index - 1], text[one.index + sign.length]]
      .map((c = ' ') => (inWord && /\w/.test(c) ? 'word' : c.trim()));
    if (sign[0] === '`') i = one.end?.at ?? i;
    else if (from && (url || kind !== '[' && before && after !== 'word')) {
      from.end = one;
      for (const [key, {at}] of open) if (at >= from.at) open.delete(key);
    } else if (!url && sign[0] !== '\\' && after && before !== 'word') open.set(kind, one);
  }
  return signs;
}
function inline(text) {
  const signs = signsOf(text), parts = (i, to, begin, stop) => {
    const all = [];
    for (; i < to; i++) {
      const {0: sign, index, end} = signs[i], from = index + sign.length, inner = () => parts(i + 1, end.at, from, end.index);
      if (!end && sign[0] !== '\\') continue;
      all.push(text.slice(begin, index));
      begin = index + 1;
      if (!end) continue;
      all.push(sign[0] === '`' ? h('code', text.slice(from, end.index))
        : end[1] ? [h('u', inner()), faint(` (${end[0].slice(2, -1)})`)]
        : h(STRESS[sign.replace(/_/g, '*')], inner()));
      begin = end.index + end[0].length;
      i = end.at;
    }
    return [...all, text.slice(begin, stop)];
  };
  return parts(0, signs.length, 0, text.length);
}
/* The cells of a table's row, in which \| is no bound. */
const cellsOf = (row) => [...row.trim().replace(/^\||\|$/g, '').matchAll(/((?:\\.|[^|])*)(?:\||$)/g)].slice(0, -1)
  .map(([, cell]) => inline(cell.trim()));
function kindOf(row, next = '') {
  for (const kind in BEGINS) {
    const found = BEGINS[kind].exec(row);
    if (found) return [kind, found];
  }
  return [/^[ :|-]+$/.test(next) && next.includes('-') && next.includes('|') && row.includes('|') ? 'table' : row.trim() && 'text'];
}
function blocks(lines, level = 0) {
  const made = [], add = (tag, ...parts) => made.push(h(tag, ...parts)), below = (rows) => blocks(rows, level + 1);
  const less = (row, n) => row.slice(Math.min(n, row.search(/\S|$/)));
  let at = 0;
  const rowsThat = (hold) => {
    const from = at;
    while (at < lines.length && hold(lines[at])) at++;
    return lines.slice(from, at);
  };
  if (level > LEVELS) return [lines.join('\n')];
  while (at < lines.length) {
    const row = lines[at++], [kind, found] = kindOf(row, lines[at]), last = made[made.length - 1];
    if (kind === 'head') add('h' + Math.min(6, found[1].length + 2), inline(found[2]));
    else if (kind === 'rule') add('hr');
    else if (kind === 'quote') add('blockquote', below([row, ...rowsThat((one) => BEGINS.quote.test(one))].map(
      (one) => one.replace(BEGINS.quote, ''))));
    else if (kind === 'table') {
      at++;
      add('div.scroll', grid(cellsOf(row), rowsThat((one) => one.includes('|')).map(
        (one) => h('tr', cellsOf(one).map((cell) => h('td', cell))))));
    } else if (kind === 'fence') {
      const [, {length: indent}, mark, language] = found;
      const code = rowsThat((one) => !one.trim().startsWith(mark) || one.trim().replaceAll(mark[0], ''));
      at++;
      add('pre', h('small', language.trim()), code.map((one) => less(one, indent)).join('\n'));
    } else if (kind === 'item') {
      const [{length: first}, {length: indent}, mark, start] = found, sort = mark.slice(-1);
      const item = h('li', below([row.slice(first),
        ...rowsThat((one) => !one.trim() || one.search(/\S/) > indent).map((one) => less(one, first))]));
      if (last?.sort === sort) last.append(item);
      else made.push(Object.assign(h(start ? 'ol' : 'ul', {start}, item), {sort}));
    } else if (kind) add('p', inline([row, ...rowsThat((one) => kindOf(one, lines[at + 1])[0] === 'text')].join('\n')));
  }
  /* Now that all is in it: a browser looks for the direction anew with each part. It does not look into a part that has one. */
  return made.map((node) => set(node, {dir: node.matches('pre') ? 'ltr' : !level && 'auto'}));
}
let raw = false; /* answers are shown as they came */
function answer(text) {
  const box = h('div.text.answer');
  box.draw = () => set(box, {dir: raw && 'auto'}).replaceChildren(...folded(text,
    raw || text.length > LONG ? undefined : (part) => blocks(part.split('\n')), box));
  box.draw();
  return box;
}
function flipRaw() {
  raw = !raw;
  for (const node of $$('.raw, .answer')) node.draw ? node.draw() : set(node, {'aria-pressed': raw});
}

/* ---- messages */

const ROLES = new Map(['system', 'user', 'assistant', 'tool', 'reasoning'].map((role) => [role, role]));
ROLES.set('developer', 'system').set('model', 'assistant').set('function', 'tool');
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const grid = (heads, rows) => h('table', h('thead', h('tr', heads.map((text) => h('th', {scope: 'col'}, text)))),
  h('tbody', rows));
const few = (value, make) => list(value).slice(0, NODES).map((one) => make(members(one)));

/* Only base64 of these types is a picture: others might run, and a URL would tell a stranger that the page was
 * read. */
function media({mime_type: type, content}) {
  const data = string(content) ?? '', said = `[${line(type ?? 'file', 80)}, ${bytes(Math.floor(data.length * .75))}]`;
  if (!PICTURES.includes(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    return h('div.text.faint', said, ' ', /^audio/.test(type) ? '' : folded(data));
  const image = h('img', {alt: said});
  image.src = `data:${type};base64,${data}`;
  return image;
}
/* The id of a call leads to its result, and back. */
function join(id, side) {
  const node = string(id) && h('button.join', {click: () => {
    const to = $$('.join').find((one) => one.call === id && one.side !== side);
    if (!to) return tell('not in this span');
    to.closest('details')?.setAttribute('open', '');
    to.scrollIntoView({block: 'center'});
    to.focus();
  }}, '#' + line(id, 80));
  return node && Object.assign(node, {call: id, side});
}
const tool = (side, one, name, value) => h('div.mono.call', side, ' ', h('b.tool', line(name ?? '?', 200)), ' ',
  join(one.tool_id, side), value === undefined ? '' : typeof value === 'string' ? block(value) : json(value));
const card = (role, title, text, ...parts) => h('article.card', {'data-role': role},
  h('div.card-head', h('span', title), parts[0]?.draw &&
    h('button.copy.raw', {'aria-pressed': raw, click: flipRaw}, 'raw text'), copyButton(text)), parts);
const message = (names, answers) => (one) => {
  const {role, content} = one, text = string(content), from = sayer(one);
  return card(from, line(role || 'no role', 60), text ?? written(one, 2),
    text ? block(text, answers || from === 'assistant' || from === 'reasoning' ? answer : prose)
      : content && typeof content === 'object' && mono(content),
    few(one.tool_calls, (call) => tool('calls', call, call.name, call.arguments)),
    few(one.tool_results, (to) => tool('result of', to, to.name || names.get(to.tool_id), to.result)),
    few(one.image_parts, media), few(one.audio_parts, media));
};
const documentCard = ({name, id, text, score}) => card('document', dots(`document ${line(name ?? '', 100)}`,
  string(id) && '#' + line(id, 100), number(score) !== undefined && `score ${score}`), text, block(String(text ?? '')));
/* The messages of a side; a proxied call has them as a JSON text. */
function messagesOf(side) {
  const value = side?.messages ?? (string(side?.value) && asJson(side.value));
  return list(value).every((one) => (one?.role ?? one?.content) !== undefined) ? list(value) : list(side.messages);
}
/* The names of the tools that were called, by the ids of their calls. */
const namesOf = (messages) => new Map(messages.flatMap((one) => few(one?.tool_calls,
  ({tool_id: id, name}) => [id, name])).filter(([id]) => string(id)));
/* How many messages repeat an earlier call of the trace and its answer. */
function repeated(s, messages) {
  const texts = messages.map((one) => written(one));
  const same = (all, from) => all.every((one, i) => written(one) === texts[from + i]);
  const before = s.group.spans.filter((one) => one.kind === 'llm' && one.start < s.start)
    .sort((a, b) => b.start - a.start).slice(0, 4);
  for (const one of before) {
    const {input, output} = about(one), first = list(input?.messages), answer = list(output?.messages);
    if (first.length && first.length < texts.length && same(first, 0))
      return first.length + (same(answer, first.length) ? answer.length : 0);
  }
  return 0;
}
/* False for a message without anything in it, as a failed call has. */
const isSaid = (one) => !one || typeof one !== 'object' || Object.values(one).some((value) => (Array.isArray(value) ? value.length : value));
function sideOf(s, title, side) {
  const messages = messagesOf(side).filter(isSaid), documents = list(side?.documents), names = namesOf(messages);
  const skipped = Math.max(0, messages.length - NODES), cards = messages.slice(skipped).map(members).map(message(names));
  const known = title === 'Input' && s.kind === 'llm' ? Math.max(0, repeated(s, messages) - skipped) : 0;
  const folds = printing || cards.length <= 6 ? 0 : known || cards.length - 4;
  if (known) cards.splice(known, 0, h('p.fresh', 'new since the call before'));
  if (folds) cards.unshift(h('details.earlier', h('summary', `${grouped(folds + skipped)} earlier messages` +
    (known ? ', as in the call before' : '')), cards.splice(0, folds)));
  if (!messages.length && string(side?.value)) cards.push(message(names, title === 'Output' && s.kind !== 'tool')({role: title, content: side.value}));
  cards.push(...few(documents, documentCard));
  if (documents.length > NODES) cards.push(h('p.faint', `${plural(documents.length, 'document')}: see Raw`));
  return cards.length ? [h('h3.side', title), cards] : '';
}
function messagesTab(s, {input, output, tool_definitions: tools}) {
  const names = few(tools, ({name}) => line(name ?? '?', 80)), left = list(bodyOf(s).collection_errors);
  const parts = [names.length && h('details.earlier.mono', h('summary', `${plural(names.length, 'tool')} offered: ${
    names.slice(0, 12).join(', ')}`), few(tools, (one) => json(one, one.name ?? '?', 1))),
  sideOf(s, 'Input', input), sideOf(s, 'Output', output), left.length && h('p.faint', 'Content was left out: ' +
    line(written(left)))];
  return parts.some(Boolean) ? parts : faint('This span holds no messages.');
}

/* ---- the other tabs */

const table = (pairs) => h('dl.pairs', pairs.filter(([, value]) => (value ?? '') !== '')
  .map(([key, value]) => [h('dt', key), h('dd', {dir: 'auto'}, line(value, 2e5))]));

/* libcurl counts each time from the start of the transfer; a phase lasts from the one before. */
function timingTab(s, {metadata}) {
  const of = members(metadata?.transfer), streamed = s.first !== undefined, phases = [];
  let from = 0;
  for (const [name, ms] of [['name lookup', of.dns_ms], ['connect', of.connect_ms], ['TLS', of.tls_ms],
    ['waiting for byte 1', of.first_byte_ms], ['to the first token', s.first / 1e6],
    [streamed ? 'streaming' : 'receiving', s.length / 1e6]])
    if (count(ms) > from) phases.push([name, from, from = ms]);
  return [Object.keys(of).length || streamed ? phases.map(([name, a, b], i) => {
    const node = paintAs(h('i.bar'), 'c' + i);
    placeBar(node, a / from, b / from);
    return h('div.phase', h('span', name), h('div.lane', node), h('b', duration((b - a) * 1e6)));
  }) : faint('No transfer was measured for this span.'),
  table([['start', `${moment(s.start)} ${zone()}`], ['duration', duration(s.length)],
    ['first token', streamed && `after ${duration(s.first)}`],
    ['tokens per second', speed(s) && `${speed(s)} after the first one`], ['sent', bytes(of.bytes_sent)],
    ['received', bytes(of.bytes_received)], ...['http_status', 'http_version', 'redirects', 'curl_code']
      .map((key) => [key.replace('_', ' '), of[key]])].filter(([, value]) => value !== false))];
}
/* "seo-writer.php:4 do_the_title"; undefined: no line of a script is known. */
const callerOf = ({file, line: at, code: of}) => string(file) && (file.split('/').pop() || file) +
  (count(at) ? `:${at}` : '') + (string(of) ? ` ${of}` : '');
function infoTab(s, {input, output, tool_definitions, error, span, metadata, ...more}) {
  const {caller, transfer, ...parameters} = members(metadata), {frames, ...where} = members(caller);
  const at = callerOf(members(caller)), native = (all) => h('ol.mono', few(all, String) && list(all).slice(0, 64)
    .map((frame) => h('li', line(frame))));
  const part = (title, value, node = mono) => (value && Object.keys(value).length
    ? [h('h3.side', title), node(value)] : '');
  const {metrics, tags, _dd, span_links} = bodyOf(s);
  return [part('Caller', where, (all) => [at && h('p', {id: 'caller'}, line(at + (s.plugin ? `, plugin ${s.plugin}` : ''))),
    mono(all)]), part('Frames', frames, (all) => (at ? h('details', h('summary', 'of the program'), native(all))
    : native(all))), part('Metadata', parameters), part('Metrics', metrics),
  part('More', more), part('Tags', list(tags), (all) => h('div.facts', all.slice(0, NODES)
    .map((tag) => h('span.tag', line(tag, 400))))), h('h3.side', 'Ids'), table([['trace', s.trace], ['span', s.id],
    ['parent', s.parent ?? 'none: a root'], ['session', s.session], ['name', s.name]]), part('Tracing', _dd),
  part('Links', span_links, (all) => h('ol.mono', few(all, linked)))];
}
/* The other span of a link, where this file has it: another trace may have been left out. */
function linked({span_id: id, trace_id: trace, attributes}) {
  const {kind, from, to} = members(attributes), said = dots(line(kind ?? 'tool', 40),
    string(from) && `${line(from, 40)} to ${line(to ?? '', 40)}`);
  const other = traces.get(trace)?.spans.find((one) => one.id === id);
  return h('li', said, ' ', other ? link(line(other.name, 120), () => open(other, true))
    : dots('#' + line(id ?? '?', 40), 'not in this file'));
}
const code = (text) => [h('p', copyButton(text)), h('pre', folded(text))];
const rawTab = (s) => code(written(bodyOf(s), 2) ?? lineOf(s));

/* Providers whose requests can be rebuilt, whether or not the event tells the host. */
const HOSTS = new Map([['openai', 'api.openai.com'], ['anthropic', 'api.anthropic.com'], ['mistral', 'api.mistral.ai'],
  ['openrouter', 'openrouter.ai/api'], ['groq', 'api.groq.com/openai'], ['together', 'api.together.xyz'],
  ['fireworks', 'api.fireworks.ai/inference'], ['xai', 'api.x.ai'], ['deepseek', 'api.deepseek.com']]);
/* Members of the metadata that are of the answer, of the transfer, or said elsewhere. */
const ANSWERED = new Set(('caller transfer status state stop_reason stop_details finish_reason finish_message completion_reason sources ' +
  'citations steps usage cost phase traffic_type inference_geo tokens_per_second generation_time time_to_first_token user').split(' '));
/* The path and the body; a reasoning is no part of what was asked. */
function requestOf(s, {input, metadata, tool_definitions}, own) {
  const request = {model: s.model}, said = messagesOf(input).map(members);
  for (const [key, value] of Object.entries(members(metadata))) if (!ANSWERED.has(key)) request[key] = value ?? undefined;
  if (s.kind === 'embedding') return ['embeddings', {...request, input: few(input?.documents, ({text}) => text)}];
  const asked = said.filter(({role}) => role !== 'reasoning' && !(own && role === 'system'));
  const plainly = asked.map(({role, content}) => ({role, content}));
  if (/createResponse$/.test(s.name)) return ['responses', {...request, input: plainly}];
  if (/createCompletion$/.test(s.name)) return ['completions', {...request, prompt: plainly[0]?.content}];
  const tools = few(tool_definitions, ({name, description, schema}) => (own ? {name, description, input_schema: schema}
    : {type: 'function', function: {name, description, parameters: schema}}));
  if (tools.length) request.tools = tools;
  if (own) {
    request.system = said.find(({role}) => role === 'system')?.content;
    request.max_tokens = request.max_tokens ?? 1024;
  }
  request.messages = asked.flatMap(({role, content, tool_calls: calls, tool_results: results}) => (own
    ? {role: role === 'assistant' ? role : 'user', content: [...(content ? [{type: 'text', text: content}] : []),
      ...few(calls, (c) => ({type: 'tool_use', id: c.tool_id, name: c.name, input: c.arguments})),
      ...few(results, (r) => ({type: 'tool_result', tool_use_id: r.tool_id, content: r.result}))]}
    : list(results).length ? few(results, (r) => ({role: 'tool', tool_call_id: r.tool_id, content: r.result}))
      : {role, content, tool_calls: calls && few(calls, (c) => ({id: c.tool_id, type: 'function',
        function: {name: c.name, arguments: written(c.arguments)}}))}));
  return [own ? 'messages' : 'chat/completions', request];
}
/* A command that is safe to paste: its one text is quoted, and controls in it are JSON escapes. */
function curlTab(s, body) {
  const known = HOSTS.get(s.provider), {host, port, provider} = members(bodyOf(s)._call);
  const tls = port === 443 || body.metadata?.transfer?.tls_ms > 0;
  const api = /^integration:(openai|anthropic|mistral|ollama)/m.exec([...s.tags, 'integration:' + provider].join('\n'))?.[1]
    ?? (known && s.provider);
  const base = !host || known?.split('/')[0] === host ? known && 'https://' + known
    : string(host) && /^[\w.:-]+$/.test(host) && count(port) &&
    `http${tls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}${port === (tls ? 443 : 80) ? '' : ':' + port}`;
  if (!s.call || !api || !base) return faint(s.call ? 'No command is known for this API.' : 'This span is no request.');
  const own = api === 'anthropic', [path, request] = requestOf(s, body, own);
  const key = `$${known ? s.provider.toUpperCase() + '_' : ''}API_KEY`;
  const data = (written(request, 2) ?? '').replace(new RegExp(`[${UNSEEN}']`, 'gu'),
    (c) => times(c.length, (i) => '\\u' + hex(c.charCodeAt(i))).join(''));
  return [h('p.faint', 'Rebuilt from the span, with the usual path; parameters, pictures and headers may be missing.'),
    code([`curl '${base}/v1/${path}'`, own
      ? `-H "x-api-key: ${key}" -H 'anthropic-version: 2023-06-01'` : `-H "Authorization: Bearer ${key}"`,
    "-H 'Content-Type: application/json'", `-d '${data}'`].join(' \\\n  '))];
}

/* ---- timeseries */

const SERIES = 7, LEFT = 48, RIGHT = 8, TOP = 10, FLOOR = 128;
const lengthOf = (s) => s.length, firstOf = (s) => s.first, inputOf = (s) => s.input, outputOf = (s) => s.output;
const costOf = (s) => s.cost, one = () => 1;
const charts = [['calls', 'Calls of models', short, one], ['errors', 'Errors by type', short, one],
  ['latency', 'Latency', duration, lengthOf], ['ttft', 'Time to first token', duration, firstOf],
  ['tokens', 'Tokens', short, tokens], ['cost', 'Cost by model', dollars, costOf], ['scores', 'Evaluations: mean, or share that passed', short, (one) => one.score]]
  .map(([key, title, unit, of]) => ({key, title, unit, of, ranked: unit === duration || key === 'scores'}));
const mean = (all) => number(all.reduce((a, b) => a + b, 0) / all.length);
/* The evaluations of spans that have a number, in the time of their span. */
const scored = (all) => all.flatMap((s) => evaluationsOf(s).map((one) => ({start: s.start, trace: s.trace, label: string(one.label), score: scoreOf(one)})))
  .filter((one) => one.score !== undefined);
const middle = ({spans: all}, of, p = 50) => percentile(known(all.filter(isCall), of), p);
const known = (all, of) => all.map(of).filter((n) => n !== undefined);
const failedOf = (calls) => calls.filter((s) => s.failed);
let buckets, hovered = -1;
let tops; /* the names of the chosen groups, those with the most calls first: in all charts the same have one colour */

function buildChart(chart) {
  const parts = {paths: times(SERIES + 1, () => h('path')), grid: h('path.grid'), cross: h('path.cross'),
    axis: times(6, (i) => h('text', {'text-anchor': ['end', 'end', 'end', 'start', 'middle', 'end'][i]})),
    name: h('h2'), total: h('b', {'data-sum': chart.key}), note: h('div.faint'), legend: h('div.legend')};
  const draw = h('svg', {role: 'img', height: 150}, parts.grid, parts.paths, parts.cross, parts.axis);
  const plot = h('div.plot', {tabindex: 0, pointerleave: () => hover(-1), blur: () => hover(-1), pointermove: (event) => {
    const box = plot.getBoundingClientRect();
    hover(Math.floor((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT) * buckets.size));
  }, keydown: ({key}) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[key];
    if (by) hover(clamp(hovered + by, 0, buckets.size - 1));
  }}, draw);
  onDrag(plot, LEFT, RIGHT, (a, b) => buckets.pick(a, b));
  Object.assign(chart, parts, {draw, plot});
  return chart.box = h('article.chart', {'data-chart': chart.key}, h('header', parts.name, parts.total), parts.note, plot,
    parts.legend);
}
function buildCharts() {
  $('timeseries').append(h('div.top', byList('group'), h('span', {id: 'buckets'}), h('b', {id: 'at', role: 'status'})),
  h('div', {id: 'charts'}, charts.map(buildChart)), h('div', {id: 'tables'}));
  new ResizeObserver(() => buckets && charts.forEach(drawPlot)).observe($('charts'));
}
/* NaN is a bucket in which nothing is known: a gap, and no 0. */
function series(label, color, calls, of, p) {
  const values = new Float64Array(buckets.size).fill(NaN), inside = new Map();
  for (const s of calls) if (of(s) !== undefined) entry(inside, buckets.of(s.start)).push(of(s));
  for (const [at, all] of inside) values[at] = p === mean ? mean(all) : p ? percentile(all, p) : all.reduce((a, b) => a + b);
  return {label, color, values, at: h('b')};
}
function groupsOf(calls, of) {
  const map = new Map();
  for (const s of calls) entry(map, of(s) ?? NONE).push(s);
  return [...map].sort((a, b) => b[1].length - a[1].length);
}
const groupReader = (key) => readerOf(key) && ((s) => valuesOf(readerOf(key), s)[0]);
function seriesOf({key, of, ranked}, calls) {
  const by = key === 'scores' ? ({label: of}) => of : groupReader(state.by);
  if (!by && key === 'calls')
    return [series('ok', 0, calls.filter((s) => !s.failed), of), series('error', 7, failedOf(calls), of)];
  if (!by && ranked) return [series('p50', 2, calls, of, 50), series('p95', 0, calls, of, 95)];
  if (!by && key === 'tokens') return [series('input', 1, calls, ({input, read = 0}) => (input === undefined ? input
    : Math.max(0, input - read))), series('cached', 6, calls, (s) => s.read), series('output', 2, calls, outputOf)];
  const groups = new Map(groupsOf(calls, by ?? groupReader(key === 'errors' ? 'error' : 'model')));
  const names = by && key !== 'scores' ? tops : [...groups.keys()], first = names.slice(0, SERIES - (names.length > SERIES));
  const rest = [...groups].filter(([label]) => !first.includes(label)), p = key === 'scores' ? mean : ranked && 95;
  return [...first.map((label, i) => groups.has(label) && series(label, i, groups.get(label), of, p)).filter(Boolean),
    ...rest.length ? [series(`${rest.length} others`, SERIES - 1, rest.flatMap(([, all]) => all), of, p)] : []];
}
function drawCharts() {
  const range = rangeOf(found), by = !!groupReader(state.by);
  const kinds = state.only.has('kind');
  const calls = found.filter(isCall), counted = found.filter((s) => kinds || counts(s));
  $('charts').hidden = $('tables').hidden = !range;
  buckets = range && bucketsOf(range, charts[0].plot.clientWidth - LEFT - RIGHT);
  put($('buckets'), range && !counted.length ? 'No calls, only other spans.' : range ? `buckets of ${round(buckets.step * 1e3)}, times ${zone()}` : 'Nothing matches.');
  if (range) drawTables(counted);
  tops = by ? groupsOf(counted, groupReader(state.by)).map(([label]) => label) : [];
  for (const chart of range ? charts : []) {
    const {key, title, unit, of, ranked, name, note, draw, legend} = chart;
    const some = key === 'scores' ? scored(found) : key === 'errors' ? failedOf(calls) : of === tokens || of === costOf ? counted : calls;
    const values = known(some, of), sum = total(some, of);
    const value = key === 'scores' ? mean(values) : ranked ? percentile(values, 95) : of === one ? some.length : sum.value;
    chart.box.hidden = key === 'scores' && !values.length;
    chart.series = seriesOf(chart, some).filter((each) => each.values.some((n) => n === n));
    put(name, kinds && key === 'calls' ? 'Spans' : by ? title.split(' by ')[0] + (unit === duration ? ', p95' : '') : title);
    put(set(chart.total, {'data-value': value ?? ''}), unit(value) + (unit === duration && value !== undefined ? ' p95' : ''));
    put(note, key === 'calls' ? `in ${tracesOf(some)}` : key === 'ttft' ? `of ${plural(values.length, 'streamed call')}` : key === 'cost'
      ? dots(sum.note, PRICED) : key === 'tokens' ? dots(total(counted, inputOf).note, lack(counted)) : chart.series.length ? '' : 'none');
    set(draw, {'aria-label': `${title}: ${chart.total.textContent}`});
    legend.replaceChildren(...chart.series.map(({label, color, at}) => h('span', paintAs(h('i'), 'c' + color),
      line(label, 60), ' ', at)));
    drawPlot(chart);
  }
}
/* A text that is wider than the room beside the axis becomes "$5e-6". */
const tick = (text, n) => (text.length > 8 ? text[0] + Number(n.toPrecision(2)).toExponential() : text);
function drawPlot({series: all, ranked, unit, plot, draw, paths, grid, axis}) {
  const {size, text} = buckets, width = plot.clientWidth, step = (width - LEFT - RIGHT) / size;
  if (!(step > 0)) return;
  const stack = new Float64Array(size), base = new Float64Array(size);
  for (const {values} of all) values.forEach((n, i) => {
    stack[i] = ranked ? Math.max(stack[i], n || 0) : stack[i] + (n || 0);
  });
  const most = Math.max(...stack) || 1, power = 10 ** Math.floor(Math.log10(most));
  const top = unit === duration ? 2 * roundStep(most, 2) : power * [1, 2, 5, 10].find((n) => n * power >= most), tall = (n) => n / top * (FLOOR - TOP);
  paths.forEach((path, k) => {
    let d = '', open = false; /* a point between two gaps is a block */
    all[k]?.values.forEach((n, i) => {
      const x = LEFT + i * step;
      if (ranked && n === n) d += open || all[k].values[i + 1] >= 0 ? `${open ? 'L' : 'M'}${(x + step / 2).toFixed(1)} ${
        (FLOOR - tall(n)).toFixed(1)}` : bar(x + step / 2 - 3, FLOOR - tall(n) - 1, 6, 1.5);
      else if (n > 0) d += bar(x, FLOOR - tall(base[i] += n), Math.max(1, step - 1), Math.max(.5, tall(n)));
      open = n === n;
    });
    paintAs(set(path, {d, class: ranked ? 'line' : 'bars'}), 'c' + all[k]?.color);
  });
  set(draw, {width});
  set(grid, {d: [1, .5, 0].map((n) => `M${LEFT} ${FLOOR - tall(top * n)}H${width - RIGHT}`).join('')});
  axis.forEach((node, i) => {
    put(node, i > 2 ? text((i - 3) / 2) : i ? tick((unit === duration ? round : unit)(top * i / 2), top * i / 2) : '0');
    set(node, i > 2 ? {x: LEFT + (i - 3) / 2 * step * size, y: FLOOR + 15}
      : {x: LEFT - 5, y: FLOOR + 3 - tall(top * i / 2)});
  });
}
/* Shows one time over all charts. */
function hover(at) {
  hovered = at < buckets?.size ? at : -1;
  const on = hovered >= 0;
  put($('at'), on ? buckets.text(hovered / buckets.size) : '');
  for (const {cross, plot, series: all, unit} of charts) {
    const x = LEFT + (hovered + .5) * (plot.clientWidth - LEFT - RIGHT) / buckets.size;
    set(cross, {d: on ? `M${x.toFixed(1)} ${TOP}V${FLOOR}` : ''});
    for (const {values, at: node} of all) put(node, on ? unit(values[hovered]) : '');
  }
}
const HEADS = ['', 'calls', 'errors', 'p50', 'p95', '1st token', 'tokens in', 'out', 'cost'];
function drawTables(counted) {
  const cell = (name, value, text, note) => h('td', {'data-sum': name, 'data-value': value ?? ''}, text,
    note && h('small', note));
  const sum = (name, all, of, unit) => {
    const {value, note} = total(all, of);
    return cell(name, value, unit(value), note);
  };
  const rank = (name, all, of, p) => {
    const value = percentile(known(all, of), p);
    return cell(name, value, duration(value));
  };
  const row = ([label, all]) => {
    const calls = all.filter(isCall), m = calls.length, n = failedOf(calls).length;
    return h('tr', {'data-row': visible(label)}, h('th', {scope: 'row'}, line(label, 80)), cell('calls', m, grouped(m)),
      cell('errors', n, n ? h('span.bad', `${grouped(n)} (${Math.round(100 * n / m)} %)`) : '0'),
      rank('p50', calls, lengthOf, 50), rank('p95', calls, lengthOf, 95), rank('ttft', calls, firstOf, 50),
    sum('input', all, inputOf, short), sum('output', all, outputOf, short), sum('cost', all, costOf, dollars));
  };
  $('tables').replaceChildren(...[...new Set(['model', 'ml_app', state.by])].filter(groupReader).map((key) => {
    const groups = groupsOf(counted, groupReader(key));
    return h('article.chart', {'data-table': key}, h('h2', 'By ' + (key === 'ml_app' ? 'app' : line(key, 40))), h('div.scroll',
      grid(HEADS, groups.slice(0, 25).map(row))), faint(dots(groups.length > 25 && `${groups.length - 25} more`,
      `cost: ${PRICED}`)));
  }));
}

/* ---- live: `llmobs view --serve` tells what has come to the store since */

const ASK_MS = 500, RETRIES = 3, FULL = Math.max(20000, 2 * spans.length);
/* A span that came before, of the same ids, gives its place to the new one. */
function takeSpan(row, text, came) {
  const s = spanOf(row, spans.length), key = idsOf(s.trace, s.id);
  const old = came.get(key) ?? traces.get(s.trace)?.spans.find(({id}) => id === s.id);
  came.set(key, s);
  if (old) s.at = old.at;
  lineOf(s); /* the other lines are split first */
  spans[s.at] = s;
  lines[s.at] = text;
  bodies.delete(s.at);
}
function take(news, texts) {
  const box = $('list'), top = Math.floor(box.scrollTop / rows.height), held = rows.items[top], came = new Map();
  news.forEach((row, i) => {
    if (row) return takeSpan(row, texts[i], came);
    judge(parse(texts[i]));
    drawn = [];
  });
  regroup();
  countTags();
  deepHits.clear();
  filtered = undefined;
  for (const row of rows.pool) row.item = undefined;
  if (shown) {
    state.span = state.span || shown.span.id;
    shown.nodes = flatten(shown.group.spans);
    drawHead();
  }
  draw();
  deepSearch();
  /* The rows that a reader has before him stay there. */
  if (top) box.scrollTop += Math.max(0, rows.items.indexOf(held) - top) * rows.height;
}
let asking, misses = 0;
async function ask() {
  const begun = performance.now();
  try {
    const answer = await fetch('news?after=' + live), texts = (await answer.text()).split('\n');
    const {at, again, more, rows: news} = members(parse(texts.pop()));
    if (!answer.ok) throw answer;
    if (again || spans.length > FULL) return location.reload();
    if (list(news).length) take(news, texts);
    [live, misses] = [string(at) ?? live, 0];
    askIn(more ? 0 : Math.max(ASK_MS, 4 * (performance.now() - begun)));
  } catch {
    if (misses++ < RETRIES) askIn(ASK_MS * 2 ** misses);
    else put($('live'), 'no longer live');
  }
}
function askIn(ms) {
  clearTimeout(asking);
  asking = setTimeout(ask, document.hidden ? Math.max(ms, 3e4) : ms);
}

/* ---- drawing */

let filtered, listed;
function draw() {
  const {query, deep, range, only, not, view, sort, down} = state;
  const pairs = (map) => [...map].map(([key, values]) => [key, ...values]);
  const filters = JSON.stringify([query, deep && deepDone, range, pairs(only), pairs(not), [...openTags], byTrace(), state.pair]);
  const order = [view, sort, down, state.by, state.columns].join(), again = filters !== filtered, other = order !== listed;
  [filtered, listed] = [filters, order];
  if (again) {
    filter();
    drawFacets();
    drawChips();
  }
  for (const node of $$('nav [data-view]'))
    set(node, {'aria-current': node.dataset.view === view ? 'page' : undefined});
  set($('deep'), {'aria-pressed': deep});
  set($('one'), {'aria-pressed': state.one}).hidden = view === 'spans' || view === 'timeseries';
  if ($('search').value.trim() !== query) $('search').value = query;
  put(set($('count'), {'data-spans': found.length}), dots(tracesOf(found),
    `${grouped(found.length)} of ${plural(spans.length, 'span')}`));
  fillLists();
  $('timeseries').hidden = view !== 'timeseries';
  $('middle').hidden = view === 'timeseries';
  drawTrace();
  if (!again && !other) {
    const at = rows.items.findIndex(isOpen);
    if (at >= 0) rows.current = at;
    rows.draw();
  } else if (view === 'timeseries') {
    drawCharts();
  } else {
    drawHistogram();
    if (other) rows.current = -1;
    drawList();
  }
}

/* ---- keys */

const GO = new Map([['t', 'traces'], ['s', 'spans'], ['e', 'sessions'], ['m', 'timeseries']]);
const KEYS = new Map([['/', () => $('search').focus()], ['j', () => moveRow(1)], ['k', () => moveRow(-1)],
  ['J', () => moveSpan(1)], ['K', () => moveSpan(-1)], ['[', () => moveError(-1)], [']', () => moveError(1)],
  ['e', () => pick('status', 'error')], ['c', () => shown && copy(shown.group.id)],
  ['x', () => (shown ? mark(shown.group) : rows.item && mark(rows.item))], ['?', help], ['Escape', escape],
  ...TABS.map((tab, i) => [String(i + 1), () => shown && change({tab})])]);
let prefix = false; /* the key before was g */
function escape() {
  if ($('facets').classList.contains('open')) drawer(false);
  else if (focused().matches('input, select')) focused().blur();
  else if (!$('panel').hidden) close();
}
/* The arrows belong to the tree or the tabs where these have the focus, else to the list. */
function arrow(key) {
  const at = focused(), by = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9}[key];
  const side = {ArrowRight: 1, ArrowLeft: -1}[key];
  if (at === panel.tree && by) moveSpan(Math.sign(by));
  else if (at === panel.tree && side) fold(shown.span, side < 0);
  else if (at === panel.tree && key === 'Enter') $('tab').focus();
  else if (at.matches('[role=tab]') && side) {
    change({tab: TABS[(TABS.indexOf(state.tab) + side + 5) % 5]});
    $('tab-' + state.tab).focus();
  } else if (at !== $('list') && at !== document.body) return false;
  else if (by) moveRow(by);
  else if (key === 'Enter' && rows.item) {
    open(rows.item, true);
    if (shown) panel.tree.focus();
  } else return false;
  return true;
}
function onKey(event) {
  const {key} = event;
  if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
  if (key === 'Enter' && focused() === $('search')) {
    $('list').focus();
    if (rows.current < 0) moveRow(0);
  } else if (key !== 'Escape' && focused().matches('input, select')) return;
  else if (prefix && GO.has(key)) go(GO.get(key));
  else if (!arrow(key)) {
    prefix = key === 'g';
    if (!KEYS.has(key)) return;
    KEYS.get(key)();
  }
  prefix = false;
  event.preventDefault();
}
const go = (view) => {
  $('facets').classList.remove('open');
  set($('filters'), {'aria-expanded': false});
  change({view, trace: '', span: '', talk: ''}, true);
};
function drawer(on = !$('facets').classList.contains('open')) {
  $('facets').classList.toggle('open', on);
  set($('filters'), {'aria-expanded': on}).focus();
}
/* Dark or light: the choice, else what the system says. */
const dark = matchMedia('(prefers-color-scheme: dark)'), root = document.documentElement;
let theme;
function paint(flip) {
  if (flip === true) theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  root.dataset.theme = theme ?? (dark.matches ? 'dark' : 'light');
}

/* ---- paper: the open trace with all its messages, or the list as a table */

function paper() {
  if (shown) {
    const {group, nodes} = shown;
    return [headOf(group), nodes.slice(0, 200).map(({span: s}) => h('section', headOfSpan(s).slice(0, -2),
      messagesTab(s, about(s)))), nodes.length > 200 && h('p', plural(nodes.length - 200, 'more span'))];
  }
  return state.view !== 'timeseries' && [h('p', `At most 500 rows; cost: ${PRICED}.`), grid(['', '', ...state.columns.map((key) => COLUMNS.get(key)[0])], rows.items.slice(0, 500)
    .map((item) => h('tr', [line(nameOf(item)), line(item.question ?? '', 100), ...state.columns.map((key) => COLUMNS.get(key)[2](item))]
      .map((text) => h('td', text)))))];
}
addEventListener('beforeprint', () => {
  printing = true;
  root.dataset.theme = 'light';
  $('print').replaceChildren(h('div', paper()));
});
addEventListener('afterprint', () => {
  printing = false;
  paint();
  $('print').replaceChildren();
});

/* ---- start */

function moved() {
  readHash();
  draw();
  deepSearch();
}
buildFrame();
buildHistogram();
buildList();
buildPanel();
buildCharts();
set(window, {popstate: moved, hashchange: moved, keydown: onKey});
dark.addEventListener('change', paint);
narrow.addEventListener('change', () => shown && drawTree());
paint();
moved();
if (rows.current > 0) rows.reveal(rows.current);
set($('app'), {'data-ready': Math.round(performance.now() - began)});
/* Makes the words of all rows before somebody types, so that the first key is no slower than the next. */
function warm(at) {
  for (const until = performance.now() + 8; at < spans.length && performance.now() < until; at++) wordsOf(spans[at]);
  if (at < spans.length) setTimeout(warm, 0, at);
}
setTimeout(warm, 0, 0);
if (live) {
  document.addEventListener('visibilitychange', () => misses <= RETRIES && askIn(0));
  askIn(ASK_MS);
}
