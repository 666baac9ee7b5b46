/** What a DICOM file holds, from its header: slices of a CT, or an object that is none; mirrors `omentum.io.dicom.images`. */
import type { Vec3 } from "../../geometry.ts";
import tables from "../../tables/dicom.json";
import type { Source } from "../source.ts";
import { Attributes, type Keyword, SEQUENCES } from "./attributes.ts";
import { DamagedHeaderError, type DataSet } from "./dataset.ts";
import { DEFLATED, HEAD, type Header, looksLikeDicom, readHeader } from "./header.ts";
import { AGAIN, type Encoding, faultOf, type Other, type Rescale, type Slice } from "./slices.ts";
import { wordsOfCt } from "./words_of_ct.ts";

const BESIDE: readonly (readonly [string, string])[] = Object.entries(tables.beside);
const NOT_HU: Readonly<Record<string, string>> = tables.not_hu;
export const NO_DICOM = "file that is no DICOM";
/** So usual beside a series that it needs no warning, unless it claims to be of the series. */
export const QUIET: ReadonlySet<string> = new Set([...Object.values(tables.beside), "localizer"]);
const MEDIA_STORAGE_CLASS = 0x00020002;
/** A deflated file inflates to no more. */
const MOST_BYTES = 2 ** 30;

/** What is no CT slice: its name, why, and the remedy. */
type Refusal = readonly [what: string, reason: string, remedy: string | null];

/** The slices in a file, or what else it is. */
export async function slicesOrOther(file: Source): Promise<Slice[] | Other> {
  const bytes = await file.bytes();
  const other = (what: string, reason: string, remedy: string | null = AGAIN): Other => ({ file, what, fault: faultOf(file, reason, remedy), series: null, isPlaced: false });
  const head = bytes.subarray(0, HEAD);
  if (head.every((byte) => byte === 0)) return other("empty file", "is empty or all zeros");
  if (!looksLikeDicom(head)) return other(NO_DICOM, "is no DICOM file");
  try {
    return classified(await readHeader(bytes, MOST_BYTES), file);
  } catch (fault) {
    if (fault instanceof DamagedHeaderError || fault instanceof TypeError || fault instanceof RangeError)
      return other("damaged file", `is a damaged DICOM file (${fault instanceof DamagedHeaderError ? fault.message : "it cannot be read"})`);
    throw fault;
  }
}

function classified(header: Header, file: Source): Slice[] | Other {
  const { dataset } = header;
  const whole = new Attributes(dataset);
  const kind = whole.text("SOPClassUID") || (header.meta?.text(MEDIA_STORAGE_CLASS) ?? "");
  if (kind === "" && !whole.whole("Rows") && whole.text("Modality") === "")
    return { file, what: "file without an image", fault: faultOf(file, "is a DICOM file without an image", AGAIN), series: null, isPlaced: false };
  const beside = BESIDE.find(([prefix]) => kind.startsWith(prefix))?.[1];
  if (beside !== undefined) return { file, what: beside, fault: faultOf(file, `is a ${beside}, not a CT`), series: "", isPlaced: false };
  const frames = dataset.items(SEQUENCES.PerFrameFunctionalGroups);
  const shared = dataset.items(SEQUENCES.SharedFunctionalGroups).slice(0, 1);
  const refusal = refused(whole, frames.length === 0 ? whole : new Attributes(dataset, [...frames.slice(0, 1), ...shared]), frames.length);
  if (refusal !== null) {
    const [what, reason, remedy] = refusal;
    return { file, what, fault: faultOf(file, reason, remedy), series: whole.text("SeriesInstanceUID") || null, isPlaced: whole.text("ImagePositionPatient") !== "" };
  }
  return slices(header, file, whole, frames, shared);
}

function refused(whole: Attributes, first: Attributes, stated: number): Refusal | null {
  if (whole.values("ImageType").includes("LOCALIZER")) return ["localizer", "is a localizer, not a slice", null];
  const modality = whole.text("Modality") || "CT";
  if (modality !== "CT") return [`image of modality ${modality}`, `is an image of modality ${modality}, expected CT`, null];
  const [columns, rows] = [whole.whole("Columns") ?? 0, whole.whole("Rows") ?? 0];
  if (columns === 0 || rows === 0) return ["file without an image", "is a DICOM file without an image", AGAIN];
  if (Math.max(columns, rows) > tables.max_side) return ["image too large for a CT", `would be ${columns} x ${rows} pixels, no CT is so large`, null];
  if ((whole.whole("SamplesPerPixel") || 1) !== 1) return ["colour image", "is a colour image, not a CT slice", null];
  const bits = whole.whole("BitsAllocated") ?? 0;
  if (!tables.bits.includes(bits)) return ["image of odd pixels", `has ${bits} bits for each pixel, expected 8, 16 or 32`, AGAIN];
  return refusedFrames(whole, stated) ?? refusedValues(first);
}

function refusedFrames(whole: Attributes, stated: number): Refusal | null {
  const count = framesOf(whole);
  if (count === 1 && stated <= 1) return null;
  const what = "multi-frame image";
  if (count > tables.max_frames) return [what, `would be ${count} frames, no CT has so many`, null];
  if (stated !== count) return [what, `is an image of ${count} frames, but states for ${stated} of them where they are`, "export it as single slices"];
  return null;
}

function refusedValues(attributes: Attributes): Refusal | null {
  const [mapping] = attributes.items(SEQUENCES.RealWorldValueMapping);
  const [code] = mapping?.items(SEQUENCES.MeasurementUnitsCode) ?? attributes.items(SEQUENCES.MeasurementUnitsCode);
  const stated = code === undefined ? "" : new Attributes(code).text("CodeValue");
  const unit = ["", "1", tables.hu_unit].includes(stated) ? NOT_HU[attributes.text("RescaleType")] : stated;
  return unit === undefined ? null : ["image of other values than HU", `holds values in ${unit}, not HU`, "give the CT that it was computed from"];
}

function framesOf(whole: Attributes): number {
  const count = whole.whole("NumberOfFrames");
  if (count !== null && count < 0) throw new DamagedHeaderError(`${count} frames`);
  return count || 1;
}

function slices(header: Header, file: Source, whole: Attributes, frames: readonly DataSet[], shared: readonly DataSet[]): Slice[] {
  const encoding = encodingOf(header, whole);
  const patient = `${whole.text("PatientID")} ${whole.text("PatientName")}`.trim();
  const identity = { uid: whole.text("SOPInstanceUID"), series: whole.text("SeriesInstanceUID"), patient, frameOfReference: whole.text("FrameOfReferenceUID") };
  const description = wordsOfCt(whole.text("SeriesDescription"), whole.identity);
  return Array.from({ length: encoding.frames }, (_, number): Slice => {
    const groups = frames[number];
    const attributes = groups === undefined ? whole : new Attributes(header.dataset, [groups, ...shared]);
    const spacing = lengths(attributes, "PixelSpacing", 2);
    const imageType = attributes.values("FrameType").length > 0 ? attributes.values("FrameType") : attributes.values("ImageType");
    return {
      file,
      identity,
      seriesNumber: whole.whole("SeriesNumber"),
      description,
      frame: groups === undefined ? null : number + 1,
      position: lengths(attributes, "ImagePositionPatient", 3) as Vec3 | null,
      directions: lengths(attributes, "ImageOrientationPatient", 6),
      // Stored as (between rows, between columns).
      spacing: spacing === null ? null : [spacing[1] as number, spacing[0] as number],
      thickness: attributes.number("SliceThickness"),
      isInverted: whole.text("PhotometricInterpretation") === "MONOCHROME1",
      isOriginal: (imageType[0] ?? "ORIGINAL") === "ORIGINAL",
      encoding,
      rescale: rescaleOf(attributes),
      kinds: tables.phases.map(({ keywords }) => keywords.map((name) => attributes.values(name as Keyword).join("/")).find((value) => value !== "") ?? ""),
    };
  });
}

/** Numbers; null if missing, or if one is none or larger than anything in a scanner. */
function lengths(attributes: Attributes, name: Keyword, count: number): number[] | null {
  const numbers = attributes.numbers(name, count);
  return numbers === null || !numbers.every((number) => Math.abs(number) <= tables.most_mm) ? null : numbers;
}

function encodingOf(header: Header, whole: Attributes): Encoding {
  const bits = whole.whole("BitsAllocated") as number;
  const stored = whole.whole("BitsStored") || bits;
  const high = whole.whole("HighBit") || stored - 1;
  if (!(stored > 0 && stored <= high + 1 && high + 1 <= bits)) throw new DamagedHeaderError(`${stored} bits stored up to bit ${high} of ${bits}`);
  return {
    syntax: header.syntax,
    columns: whole.whole("Columns") as number,
    rows: whole.whole("Rows") as number,
    frames: framesOf(whole),
    bitsAllocated: bits,
    bitsStored: stored,
    highBit: high,
    isSigned: whole.whole("PixelRepresentation") === 1,
    isLittle: header.dataset.little || header.syntax === DEFLATED,
    at: header.dataset.pixels?.at ?? null,
    length: header.dataset.pixels?.length ?? null,
  };
}

function rescaleOf(attributes: Attributes): Rescale {
  const [slope, intercept] = [attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")];
  const padding = attributes.values("PixelPaddingValue")[0];
  const limit = attributes.values("PixelPaddingRangeLimit")[0];
  return {
    slope: slope ?? 1,
    intercept: intercept ?? 0,
    isStated: intercept !== null,
    padding: typeof padding === "number" ? [padding, typeof limit === "number" ? limit : padding] : null,
  };
}
