/** @import { History } from '../schemas.ts' */
import { Component } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { duration, rate } from './format.js';
import { html } from './html.js';

const HEIGHT = 110;
/** Each ten seconds are a bar. */
const BARS = /** @type {uPlot.Series.BarsPathBuilderFactory} */ (uPlot.paths.bars)({ size: [0.75, 12] });
const DARK = matchMedia('(prefers-color-scheme: dark)');

/**
 * @typedef {History['buckets'][number]} Bucket
 * @typedef {{ readonly name: string, readonly kind: string, readonly of: (bucket: Bucket, seconds: number) => number | null, readonly say: (value: number) => string }} Measure
 */

/** @type {readonly Measure[]} */
const MEASURES = [
  {
    name: 'Requests',
    kind: 'requests',
    of: ({ requests }, seconds) => requests / seconds,
    say: (value) => `${rate(value)}/s`,
  },
  { name: 'Errors', kind: 'errors', of: ({ errors }, seconds) => errors / seconds, say: (value) => `${rate(value)}/s` },
  { name: '99th percentile', kind: 'p99', of: ({ p99_ms: p99 }) => p99, say: duration },
];

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @typedef {{ measure: Measure, times: number[], values: (number | null)[] }} ChartProps */

/** One curve over the last 15 minutes; drawn by uPlot, whose canvas Preact leaves alone. @extends {Component<ChartProps, { index: number | null }>} */
class Chart extends Component {
  state = { index: /** @type {number | null} */ (null) };
  /** @type {uPlot | undefined} */
  plot = undefined;
  /** @type {HTMLElement | null} */
  place = null;
  /** @type {ResizeObserver | undefined} */
  resizing = undefined;

  componentDidMount() {
    const place = /** @type {HTMLElement} */ (this.place);
    const { color, borderTopColor: lines, outlineColor: words } = getComputedStyle(place);
    const { measure } = this.props;
    /** @type {uPlot.Axis} */
    const axis = { stroke: words, font: '11px system-ui', grid: { stroke: lines, width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          {
            ...axis,
            size: 24,
            space: 60,
            values: (_plot, ticks) => ticks.map((tick) => CLOCK.format(tick * 1_000).slice(0, 5)),
          },
          { ...axis, size: 56, space: 30, values: (_plot, ticks) => ticks.map(measure.say) },
        ],
        series: [{}, { fill: color, paths: BARS, points: { show: false } }],
        hooks: { setCursor: [({ cursor }) => this.setState({ index: cursor.idx ?? null })] },
      },
      this.data,
      place,
    );
    this.resizing = new ResizeObserver(() => this.plot?.setSize({ width: place.clientWidth, height: HEIGHT }));
    this.resizing.observe(place);
  }

  /** @param {ChartProps} before */
  componentDidUpdate(before) {
    if (before.times !== this.props.times) this.plot?.setData(this.data);
  }

  componentWillUnmount() {
    this.resizing?.disconnect();
    this.plot?.destroy();
  }

  /** @returns {uPlot.AlignedData} */
  get data() {
    return [this.props.times, this.props.values];
  }

  render() {
    const { measure, times, values } = this.props;
    const { index } = this.state;
    const known = values.filter((value) => value !== null);
    const now = values.at(-1);
    const most = known.length === 0 ? undefined : Math.max(...known);
    /** @param {number | null | undefined} value */
    const say = (value) => (value === null || value === undefined ? 'none' : measure.say(value));
    const at = index === null ? 'now' : CLOCK.format((times[index] ?? 0) * 1_000);
    return html`
      <figure class="chart" data-kind=${measure.kind}>
        <figcaption>
          <h3>${measure.name}</h3>
          <span class="figure">${say(index === null ? now : values[index])} <span class="quiet">${at}</span></span>
        </figcaption>
        <div
          class="plot"
          role="img"
          aria-label=${`${measure.name} over the last 15 minutes: ${say(now)} now, ${say(most)} at most`}
          ref=${(/** @type {HTMLElement | null} */ element) => (this.place = element)}
        ></div>
      </figure>
    `;
  }
}

/** Requests, errors and how long they took, over the last 15 minutes. @param {{ history: History }} props */
export function Charts({ history }) {
  const [isDark, setIsDark] = useState(DARK.matches);
  useEffect(() => {
    const turn = () => setIsDark(DARK.matches);
    DARK.addEventListener('change', turn);
    return () => DARK.removeEventListener('change', turn);
  }, []);
  const { bucket_seconds: seconds } = history;
  const over = useMemo(() => series(history), [history]);
  return html`
    <section class="charts" aria-labelledby="charts-title">
      <h2 id="charts-title" class="unseen">The last 15 minutes</h2>
      ${MEASURES.map(
        (measure) =>
          html`<${Chart}
            key=${`${measure.kind}${isDark}`}
            measure=${measure}
            times=${over.times}
            values=${over.buckets.map((bucket) => measure.of(bucket, seconds))}
          />`,
      )}
    </section>
  `;
}

/** Without the last ten seconds, which are not over. @param {History} history */
function series({ buckets }) {
  const over = buckets.slice(0, -1);
  return { buckets: over, times: over.map(({ at }) => Date.parse(at) / 1_000) };
}
