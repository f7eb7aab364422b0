// From the network's numbers to a verdict and its words, as psccnet.inference and psccnet.report.sentences do it in Python.
// `model` is what `psccnet page` wrote of the weights; the tests hold both to the same answers.

import { resampled } from "./resampling.js";

const logit = (share) => {
  const bounded = Math.min(1 - 1e-7, Math.max(1e-7, share));
  return Math.log(bounded / (1 - bounded));
};

/** Share of untouched pictures of such a size (shorter side, pixels) that score as much; 1 where unknown. */
export function falseAlarms(calibration, score, shorter) {
  const known = Object.keys(calibration.pictures);
  let size = Object.entries(calibration.sizes).filter(([, least]) => shorter >= least).at(-1)[0];
  if (known.length && (calibration.pictures[size] ?? 0) < calibration.fewest) {
    size = known.reduce((most, name) => (calibration.pictures[name] > calibration.pictures[most] ? name : most));
  }
  const points = (calibration.scores[size] ?? [])
    .map((level, index) => [level, Math.log(calibration.rates[index])])
    .filter(([level]) => level !== null)
    .map(([level, rate]) => [logit(level), rate]);
  const at = logit(score);
  if (!points.length || at < points[0][0]) return 1;
  const next = points.findIndex(([level]) => level > at);
  const [after, before] = next < 0 ? [points.at(-1), points.at(-1)] : [points[next], points[next - 1]];
  const share = after[0] > before[0] ? (at - before[0]) / (after[0] - before[0]) : 0;
  return Math.round(1e9 * Math.exp(before[1] + share * (after[1] - before[1]))) / 1e9;
}

/** The verdict by the network alone: {words, falseAlarms, reasons, note}; `calibration` is null at a threshold of one's own. */
export function judge(model, score, threshold, calibration, width, height) {
  const { forged, suspicious, smallest, share, tooSmall } = model.verdict;
  const shorter = Math.min(width, height);
  if (shorter < smallest) return { words: "no verdict", falseAlarms: null, reasons: [], note: tooSmall };
  let alarms = score >= threshold ? forged * share : 1;
  if (calibration) alarms = falseAlarms(calibration, score, shorter);
  const total = Math.min(1, alarms / share);
  const words = total <= forged ? "forged" : total <= suspicious ? "suspicious" : "nothing found";
  return { words, falseAlarms: total, reasons: total <= suspicious ? ["network"] : [], note: "" };
}

function percentile(sorted, percent) {
  const at = (percent / 100) * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** The level of the network's own mask to mark a region at, null where none stands out. */
function regionLevel(values, { highest, peak, standsOut }) {
  const sorted = Float32Array.from(values).sort();
  const [middle, top] = [percentile(sorted, 50), percentile(sorted, peak)];
  if (top <= highest && top - middle < standsOut) return null;
  return Math.min(highest, (middle + top) / 2);
}

function calibrated(values, calibration) {
  if (!calibration) return values;
  return values.map((value) => 1 / (1 + Math.exp(-(calibration.slope * logit(value) + calibration.offset))));
}

const shareAbove = (values, level) => values.reduce((count, value) => count + (value > level), 0) / values.length;

const rounded = (value, digits) => (value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits);

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function percent(share) {
  if (share >= 0.01) return `${(100 * share).toFixed(0)} %`;
  return share >= 1e-4 ? `${Number((100 * share).toPrecision(1))} %` : "0.01 % or fewer";
}

function meaning(model, result, judgement, isCalibrated) {
  if (judgement.note) return judgement.note;
  const say = (name, values = {}) => fill(model.sentences[name], values);
  const first = isCalibrated ? "score_of_network" : result.score >= result.threshold ? "score_reaches" : "score_below";
  const sentences = [say(first, { score: result.score.toFixed(3), threshold: result.threshold.toFixed(3) })];
  if (judgement.reasons.length) {
    const share = 100 * result.marked_fraction;
    const region = { share: share >= 0.1 ? `${share.toFixed(1)} %` : "less than 0.1 %" };
    sentences.push(say("reasons", { reasons: model.networkReason }));
    sentences.push(result.level === null ? say("no_region") : say("region", region), say("no_proof"));
  } else {
    sentences.push(say("network_says_nothing"), say("not_authentic", { missed: model.missed }));
  }
  return sentences.join(" ");
}

function howSure(model, threshold, judgement, isCalibrated) {
  if (judgement.falseAlarms === null) return "";
  if (isCalibrated) return fill(model.sentences.judged_as_badly, { share: percent(judgement.falseAlarms) });
  if (model.measured && Math.abs(threshold - model.threshold) > 1e-9) {
    return fill(model.sentences.other_threshold, { threshold: threshold.toFixed(3), measured: model.threshold.toFixed(3) });
  }
  return model.reaching;
}

/**
 * The result as the server's API tells it, and its calibrated masks {scale: {width, height, values 0..1}}.
 * `output` is the engine's, `picture` {width, height}; `threshold` is null for the weights' own.
 */
export function describe(model, output, picture, threshold) {
  const { score } = output;
  if (![score, ...Object.values(output.masks).map((mask) => mask.values.reduce((sum, value) => sum + value, 0))].every(Number.isFinite)) {
    throw new Error("The network's answer is not a number; reload the page, or try another browser.");
  }
  const calibration = threshold === null ? model.calibration : null;
  const limit = threshold ?? model.threshold;
  const isCalibrated = Boolean(calibration) || (Boolean(model.calibration) && Math.abs(limit - model.threshold) <= 1e-9);
  const judgement = judge(model, score, limit, calibration, picture.width, picture.height);
  const finest = Math.min(...Object.keys(output.masks).map(Number));
  const masks = Object.fromEntries(Object.entries(output.masks).map(([scale, mask]) => [scale, { ...mask, values: calibrated(mask.values, model.maskCalibration) }]));
  const whole = resampled(masks[finest], picture.width, picture.height);
  let level = null;
  if (judgement.reasons.length) {
    level = regionLevel(output.masks[finest].values, model.region);
    if (level !== null) [level] = calibrated([level], model.maskCalibration);
  }
  const result = { score, threshold: limit, level, marked_fraction: level === null ? 0 : shareAbove(whole, level) };
  return {
    masks,
    result: {
      words: judgement.words,
      verdict: judgement.words === "forged" ? "forged" : "pristine",
      meaning: meaning(model, result, judgement, isCalibrated),
      how_sure: howSure(model, limit, judgement, isCalibrated),
      false_alarms: judgement.falseAlarms,
      reasons: judgement.reasons,
      score: rounded(score, 6),
      threshold: rounded(limit, 6),
      forged_fraction: rounded(shareAbove(whole, 0.5), 6),
      level: rounded(level, 6),
      marked_fraction: rounded(result.marked_fraction, 6),
      width: picture.width,
      height: picture.height,
      model: model.model,
      exit_scale: finest,
      localized: true,
      findings: [],
      limits: model.limits,
    },
  };
}
