/** All measurements of a case, as in `measurements.json`; scores and what needs the network's probabilities are not computed here. */
import type { Flag, Measurements } from "../../documents.ts";
import type { Volume } from "../../volume.ts";
import type { PackedMasks } from "../packed_masks.ts";
import { ctFacts } from "./ct_facts.ts";
import { ctFlags, mirroredFlags } from "./ct_flags.ts";
import { findLesions } from "./lesions.ts";
import { place } from "./placement.ts";
import { resultFlags } from "./result_flags.ts";
import { flag } from "./rules.ts";
import { measureStructures } from "./structures.ts";

const NOTICE = "Not a medical device. Not for clinical use. Noise, spacing and scores are not assessed in the browser.";
const SEVERITIES: readonly Flag["severity"][] = ["error", "warning", "info"];

/** @param warnings what reading the CT gave */
export function measureCase(ct: Volume, masks: PackedMasks, warnings: readonly string[], software: string): Measurements {
  const measures = measureStructures(ct, masks);
  const known = { classes: new Map(masks.classes.map((one) => [one.key, one])), found: new Map(measures.filter(({ found }) => found).map((one) => [one.key, one])) };
  const lesions = findLesions(ct, masks, measures);
  const facts = ctFacts(ct);
  const placement = place(known, facts.middleMm);
  const flags = [
    ...warnings.map((text) => flag("warning", "", "input", text)),
    ...ctFlags(facts, known),
    ...mirroredFlags(known, placement),
    ...resultFlags(known, placement, lesions, masks),
  ];
  const order = (one: Flag): number => 2 * SEVERITIES.indexOf(one.severity) + Number(one.structure !== "");
  return {
    case: "",
    software,
    notice: NOTICE,
    structures: Object.fromEntries(measures.map((one) => [one.key, one])),
    lesions: lesions.filter(({ candidate_reason: reason }) => reason === ""),
    candidates: lesions.filter(({ candidate_reason: reason }) => reason !== ""),
    quality: { score: null, flags: flags.sort((a, b) => order(a) - order(b)) },
  };
}
