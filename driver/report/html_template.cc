#include "driver/report/html_template.h"

namespace fastc {

std::string_view html_template() {
  return R"HTML(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>fastc report</title>
<style>
:root { --ink: #1d2330; --soft: #667085; --line: #e4e7ec; --good: #157f5b; --bad: #b42318; --a: #9aa4b2; --b: #2f6fed; --paper: #fff; --wash: #f7f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --paper: #161a22; --wash: #1c212b; --good: #4cc38a; --bad: #ff8a80; } }
* { box-sizing: border-box } body { margin: 0; background: var(--wash); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px } h1 { font-size: 26px; margin: 0 } h2 { font-size: 18px; margin: 36px 0 12px }
.sub { color: var(--soft) } .card { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 16px 20px; margin-top: 14px }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin-top: 20px }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px } .tile b { display: block; font-size: 26px } .tile span { color: var(--soft); font-size: 13px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--line) } td.n, th.n { text-align: right } tr:last-child td { border-bottom: 0 }
.good { color: var(--good) } .bad { color: var(--bad) } .two { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 14px }
.chart { position: relative; height: 260px } code { font-size: 13px; word-break: break-all } details summary { cursor: pointer; color: var(--soft) } .scroll { overflow-x: auto }
</style></head><body><main id="page"></main>
<script type="text/plain" title="Chart.js, embedded below: its licence">/*CHART_LICENCE*/</script>
<script>/*CHART_JS*/</script>
<script>
const R = /*REPORT*/;
const page = document.getElementById('page');
const el = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const add = (...nodes) => { nodes.forEach(n => page.append(n)); return nodes[0]; };
const bytes = b => b >= 1e6 ? (b / 1e6).toFixed(2) + ' MB' : (b / 1e3).toFixed(1) + ' kB';
const count = n => n >= 1e6 ? (n / 1e6).toFixed(2) + ' M' : (n / 1e3).toFixed(1) + ' k';
const times = (a, b) => b > 0 ? (a / b).toFixed(2) + '×' : '–';
const metric = f => { const m = f.metrics, v = m[R.primary_metric]; if (v === undefined) return '–'; return m.total ? (100 * v).toFixed(2) + ' % (' + m.correct + ' of ' + m.total + ')' : v.toFixed(4); };
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = ['#2f6fed', '#e0833b', '#157f5b', '#a04bd8', '#c93c6e'];

function table(head, rows, numeric) {
  const card = el('div', undefined, 'card scroll'), t = el('table'), tr = el('tr');
  head.forEach((h, i) => tr.append(el('th', h, i >= numeric ? 'n' : ''))); t.append(tr);
  rows.forEach(r => { const row = el('tr'); r.forEach((c, i) => { const cell = el('td', Array.isArray(c) ? c[0] : c, (i >= numeric ? 'n ' : '') + (Array.isArray(c) ? c[1] : '')); row.append(cell); }); t.append(row); });
  card.append(t); return card;
}
function chart(title, config, parent) {
  const card = el('div', undefined, 'card'); card.append(el('div', title, 'sub'));
  const box = el('div', undefined, 'chart'), canvas = el('canvas'); box.append(canvas); card.append(box); (parent || page).append(card);
  config.options = Object.assign({ animation: false, maintainAspectRatio: false, responsive: true }, config.options);
  if (typeof Chart !== 'undefined') new Chart(canvas, config);
}
function tile(value, label, cls) { const t = el('div', undefined, 'tile'); t.append(el('b', value, cls), el('span', label)); return t; }

add(el('h1', R.name));
add(el('div', 'fastc ' + R.provenance.fastc + ' · ' + R.task + ' · ' + (R.status === 'ok' ? 'done, every gate holds' : R.status), R.status === 'ok' ? 'sub' : 'bad'));
const tiles = el('div', undefined, 'tiles'); add(tiles);
const s0 = R.speedups[0];
tiles.append(tile(metric(R.result).split(' (')[0], R.primary_metric + ' (original ' + metric(R.original).split(' (')[0] + ')'));
tiles.append(tile(times(R.original.bytes, R.result.bytes), 'smaller file: ' + bytes(R.original.bytes) + ' → ' + bytes(R.result.bytes)));
if (s0) tiles.append(tile(s0.median.toFixed(2) + '×', (s0.median >= 1 ? 'faster' : 'SLOWER') + ' at ' + s0.at + ', ' + s0.rounds + ' paired rounds, ' + s0.isa, s0.median >= 1 ? 'good' : 'bad'));
tiles.append(tile(times(R.original.flops, R.result.flops), 'fewer FLOPs: ' + count(R.original.flops) + ' → ' + count(R.result.flops)));

add(el('h2', 'Before and after'));
const o = R.original, r = R.result;
const rows = [[R.primary_metric, metric(o), metric(r), ''], ['file', bytes(o.bytes), bytes(r.bytes), times(o.bytes, r.bytes)], ['weights', bytes(o.weight_bytes), bytes(r.weight_bytes), times(o.weight_bytes, r.weight_bytes)],
  ['parameters', count(o.parameters), count(r.parameters), times(o.parameters, r.parameters)], ['FLOPs', count(o.flops), count(r.flops), times(o.flops, r.flops)]];
R.speedups.forEach(s => rows.push(['latency ' + s.at + ', p50', o.latency_ms[s.at].p50.toFixed(3) + ' ms', r.latency_ms[s.at].p50.toFixed(3) + ' ms', s.median.toFixed(2) + '× (' + s.p10.toFixed(2) + '–' + s.p90.toFixed(2) + ')']));
rows.push(['peak memory, process', bytes(o.peak_memory_bytes), bytes(r.peak_memory_bytes), times(o.peak_memory_bytes, r.peak_memory_bytes)], ['start to first inference', o.first_inference_ms.toFixed(1) + ' ms', r.first_inference_ms.toFixed(1) + ' ms', '']);
add(table(['', 'original', 'result', 'ratio'], rows, 1));
R.notes.forEach(n => add(el('p', n, 'sub')));
if (R.gates.length) add(el('h2', 'Gates'), table(['gate', 'limit', 'value', ''], R.gates.map(g => [g.name, g.limit, g.value.toPrecision(4), [g.verdict, g.verdict === 'held' ? 'good' : 'bad']]), 1));

if (R.stages.length) {
  add(el('h2', 'Stages'));
  add(table(['stage', R.primary_metric, 'file', 'FLOPs', 'over the stage before', 'seconds', ''], R.stages.map(s => [s.name === s.pass ? s.pass : s.pass + ' (' + s.name + ')', metric(s), bytes(s.bytes), count(s.flops),
    s.speedup_over_previous ? s.speedup_over_previous.median.toFixed(2) + '×' : '–', s.seconds.toFixed(1), s.kept ? (s.changed ? '' : 'changed nothing') : s.reason]), 1));
  R.stages.forEach(s => s.report.notes.forEach(n => add(el('p', s.pass + ': ' + n, 'sub'))));
  const labels = ['original', ...R.stages.map(s => s.pass)], all = [o, ...R.stages], key = s0 ? s0.at : null, two = el('div', undefined, 'two'); add(two);
  const bar = (title, values) => chart(title, { type: 'bar', data: { labels, datasets: [{ data: values, backgroundColor: labels.map((_, i) => i ? css('--b') : css('--a')) }] }, options: { plugins: { legend: { display: false } } } }, two);
  const scores = all.map(f => f.metrics[R.primary_metric]);  // an axis of at least 2 points: 0.1 must not look like a cliff
  chart(R.primary_metric, { type: 'line', data: { labels, datasets: [{ data: scores, borderColor: css('--b'), backgroundColor: css('--b'), tension: 0 }] }, options: { plugins: { legend: { display: false } }, scales: { y: { suggestedMin: Math.min(...scores) - 0.01, suggestedMax: Math.max(...scores) + 0.01 } } } }, two);
  bar('file, MB', all.map(f => f.bytes / 1e6));
  if (key) bar('latency ' + key + ', ms', all.map(f => f.latency_ms[key] ? f.latency_ms[key].p50 : null));
  bar('FLOPs, millions', all.map(f => f.flops / 1e6));
}
if (R.others.length) add(el('h2', 'Shipped too'), table(['artifact', R.primary_metric, 'file', 'FLOPs', 'over the original'], R.others.map(s => [s.path + ' (' + s.name + ' of ' + s.stage + ')', metric(s), bytes(s.bytes), count(s.flops), s.speedup.median.toFixed(2) + '×']), 1));
const curves = R.stages.filter(s => s.report.curves.length);
if (curves.length) {
  add(el('h2', 'Training')); const two = el('div', undefined, 'two'); add(two);
  curves.forEach(s => [...new Set(s.report.curves.map(p => p.series))].forEach((series, i) => chart(s.pass + ': ' + series, { type: 'line', data: { datasets: [{ label: series, borderColor: colours[i % 5], pointRadius: 2, data: s.report.curves.filter(p => p.series === series).map(p => ({ x: p.x, y: p.y })) }] },
    options: { scales: { x: { type: 'linear', title: { display: true, text: 'epoch' } } }, plugins: { legend: { display: false } } } }, two)));
}
R.stages.filter(s => s.report.channels.length).forEach(s => {
  add(el('h2', 'Channels per layer: ' + s.pass)); const c = s.report.channels;
  chart('channels before and after', { type: 'bar', data: { labels: c.map(x => x.node), datasets: [{ label: 'before', data: c.map(x => x.before), backgroundColor: css('--a') }, { label: 'after', data: c.map(x => x.after), backgroundColor: css('--b') }] } });
});
const layers = R.layer_errors.filter(e => e.relative > 0);
if (layers.length) {
  add(el('h2', 'Error per layer, against the original'));
  add(el('p', 'Relative error of each layer\u2019s output on 8 samples, both networks run from their inputs, so that errors add up along the way. Layers of another shape are left out.', 'sub'));
  chart('relative error, in the order of execution', { type: 'bar', data: { labels: layers.map(e => e.node), datasets: [{ data: layers.map(e => e.relative), backgroundColor: css('--b') }] }, options: { plugins: { legend: { display: false } } } });
  const worst = [...layers].sort((a, b) => b.relative - a.relative).slice(0, 10), list = el('details', undefined, 'card');
  list.append(el('summary', 'The ' + worst.length + ' largest'), table(['layer', 'op', 'relative error'], worst.map(e => [e.node, e.op, e.relative.toPrecision(3)]), 2)); add(list);
}
const nodes = R.comparison.nodes;
add(el('h2', 'Engine against artifact'));
add(el('p', nodes.length + ' nodes on ' + R.comparison.samples + ' samples; ' + (R.comparison.all_integer ? 'every op between quantize and dequantize is integer, and the whole network is exact.' : 'whole network within ' + R.comparison.network_max_error.toExponential(2) + ' of the largest output.'), 'sub'));
if (nodes.some(n => n.max_error > 0)) chart('largest error of each node (float: of its largest output; integer: quantization steps)', { type: 'bar', data: { labels: nodes.map(n => n.node), datasets: [{ data: nodes.map(n => n.max_error), backgroundColor: nodes.map(n => n.integer ? css('--good') : css('--b')) }] }, options: { plugins: { legend: { display: false } } } });
const kernels = el('details', undefined, 'card'); kernels.append(el('summary', 'Kernels that ran (' + R.kernels.length + ')'), table(['node', 'kernel', 'instruction set'], R.kernels.map(k => [k.node, k.kernel, k.isa]), 3)); add(kernels);
const stored = el('details', undefined, 'card'); stored.append(el('summary', 'What the file holds (' + R.tensors.length + ' tensors)'), table(['tensor', 'type', 'shape', 'bits', 'bytes'], R.tensors.map(t => [t.name, t.dtype, t.shape.join('×'), t.bits, t.bytes]), 3)); add(stored);
const origin = el('details', undefined, 'card'); origin.append(el('summary', 'Provenance'), table(['', ''], [['artifact', R.artifact.path], ['sha256', R.artifact.sha256], ['stub', R.stub.folder + ' (' + R.stub.verdict + ')'], ...Object.entries(R.provenance)], 2)); add(origin);
</script></body></html>
)HTML";
}

}  // namespace fastc
