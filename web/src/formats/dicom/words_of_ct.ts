/** Series descriptions reduced to words of CT: any other word or number might be a name; mirrors `omentum.io.dicom.naming.words_of_ct`. */
import tables from "../../tables/dicom.json";

const HIDDEN = "...";
const LONGEST = 64;
/** A word with its digits (B30f), or a number with its unit; what looks like a date is one number. */
const TOKEN = /\p{N}+(?:[.,/:-]\p{N}+)*\p{L}*|\p{L}+(?:\p{N}+\p{L}*)*/gu;
const WITHOUT = /(?<![\p{L}\p{N}])w\/o(?![\p{L}\p{N}])/giu;
const WORDS = new Set(tables.words);
const PATTERN = new RegExp(`^(?:${tables.patterns.join("|")})$`);

/** @param hidden name and ids of the patient; words in it are not shown */
export function wordsOfCt(text: string, hidden: string): string {
  const personal = new Set((hidden.match(TOKEN) ?? []).map((word) => word.toLowerCase()));
  const shown: string[] = [];
  for (const token of text.replace(WITHOUT, "without").match(TOKEN) ?? []) {
    const word = token.toLowerCase();
    const isShown = !personal.has(word) && (WORDS.has(word) || PATTERN.test(word));
    if (isShown || shown.at(-1) !== HIDDEN) shown.push(isShown ? token : HIDDEN);
  }
  return shown.join(" ").slice(0, LONGEST).trim();
}
