/** Attributes of an image, or of a frame with its functional groups, checked as they are read; mirrors `omentum.io.dicom.attributes`. */
import { DamagedHeaderError, type DataSet } from "./dataset.ts";

type Kind = "text" | "decimal" | "integer" | "US" | "SS/US" | "FD" | "UL";

/** Tag of each attribute that is read, and what its value is where the file does not say. */
const ATTRIBUTES = {
  FrameType: [0x00089007, "text"],
  ImageType: [0x00080008, "text"],
  SOPClassUID: [0x00080016, "text"],
  SOPInstanceUID: [0x00080018, "text"],
  AcquisitionTime: [0x00080032, "text"],
  ContentTime: [0x00080033, "text"],
  AccessionNumber: [0x00080050, "text"],
  Modality: [0x00080060, "text"],
  SeriesDescription: [0x0008103e, "text"],
  CodeValue: [0x00080100, "text"],
  PatientName: [0x00100010, "text"],
  PatientID: [0x00100020, "text"],
  PatientBirthDate: [0x00100030, "text"],
  OtherPatientIDs: [0x00101000, "text"],
  SliceThickness: [0x00180050, "decimal"],
  KVP: [0x00180060, "decimal"],
  TriggerTime: [0x00181060, "decimal"],
  ConvolutionKernel: [0x00181210, "text"],
  FrameAcquisitionDateTime: [0x00189074, "text"],
  SeriesInstanceUID: [0x0020000e, "text"],
  StudyID: [0x00200010, "text"],
  SeriesNumber: [0x00200011, "integer"],
  AcquisitionNumber: [0x00200012, "integer"],
  InstanceNumber: [0x00200013, "integer"],
  ImagePositionPatient: [0x00200032, "decimal"],
  ImageOrientationPatient: [0x00200037, "decimal"],
  FrameOfReferenceUID: [0x00200052, "text"],
  TemporalPositionIdentifier: [0x00200100, "integer"],
  StackID: [0x00209056, "text"],
  TemporalPositionIndex: [0x00209128, "UL"],
  NominalCardiacTriggerDelayTime: [0x00209153, "FD"],
  FrameAcquisitionNumber: [0x00209156, "US"],
  NominalPercentageOfCardiacPhase: [0x00209241, "FD"],
  NominalPercentageOfRespiratoryPhase: [0x00209245, "FD"],
  SamplesPerPixel: [0x00280002, "US"],
  PhotometricInterpretation: [0x00280004, "text"],
  NumberOfFrames: [0x00280008, "integer"],
  Rows: [0x00280010, "US"],
  Columns: [0x00280011, "US"],
  PixelSpacing: [0x00280030, "decimal"],
  BitsAllocated: [0x00280100, "US"],
  BitsStored: [0x00280101, "US"],
  HighBit: [0x00280102, "US"],
  PixelRepresentation: [0x00280103, "US"],
  PixelPaddingValue: [0x00280120, "SS/US"],
  PixelPaddingRangeLimit: [0x00280121, "SS/US"],
  RescaleIntercept: [0x00281052, "decimal"],
  RescaleSlope: [0x00281053, "decimal"],
  RescaleType: [0x00281054, "text"],
} as const satisfies Record<string, readonly [number, Kind]>;

export type Keyword = keyof typeof ATTRIBUTES;

export const SEQUENCES = {
  PerFrameFunctionalGroups: 0x52009230,
  SharedFunctionalGroups: 0x52009229,
  RealWorldValueMapping: 0x00409096,
  MeasurementUnitsCode: 0x004008ea,
} as const;

const IDENTIFYING: readonly Keyword[] = ["PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID", "OtherPatientIDs"];
const CHARACTER_SET = 0x00080005;
const UTF8 = "ISO_IR 192";

export class Attributes {
  /** Those of a frame come before those of all frames, and these before the image's own. */
  private readonly sources: readonly DataSet[];

  /** @param groups functional groups of a frame, then those of all frames (PS3.3, C.7.6.16) */
  constructor(
    private readonly dataset: DataSet,
    groups: readonly DataSet[] = [],
  ) {
    const firstItems = groups.flatMap((group) => group.sequences()).flatMap(([first]) => (first === undefined ? [] : [first]));
    this.sources = [...firstItems, dataset];
  }

  /** Values; none if it is missing or empty. */
  values(name: Keyword): (string | number)[] {
    const [tag, kind] = ATTRIBUTES[name];
    for (const source of this.sources) {
      const found = source.has(tag) ? read(source, tag, kind, this.charset) : [];
      if (found.length > 0) return found;
    }
    return [];
  }

  text(name: Keyword): string {
    return this.values(name).join("\\").trim();
  }

  /** Exactly `count` numbers; null if missing. */
  numbers(name: Keyword, count: number): number[] | null {
    const found = this.values(name);
    if (found.length === 0) return null;
    if (found.length !== count) throw new DamagedHeaderError(`${name} has ${found.length} numbers, expected ${count}`);
    return found.map((value) => numberOf(value, name));
  }

  /** A number; null if missing. */
  number(name: Keyword): number | null {
    const [first] = this.values(name);
    return first === undefined ? null : numberOf(first, name);
  }

  /** A whole number; null if missing. */
  whole(name: Keyword): number | null {
    const found = this.number(name);
    return found === null ? null : Math.trunc(found);
  }

  /** Items of a sequence of the image, or of one of its functional groups. */
  items(tag: number): DataSet[] {
    return this.sources.map((source) => source.items(tag)).find((items) => items.length > 0) ?? [];
  }

  /** Texts that identify the patient. */
  get identity(): string {
    return IDENTIFYING.map((name) => this.text(name)).join(" ");
  }

  private get charset(): string {
    return this.dataset.text(CHARACTER_SET).includes(UTF8) ? "utf-8" : "latin1";
  }
}

function read(source: DataSet, tag: number, kind: Kind, charset: string): (string | number)[] {
  const vr = source.vrOf(tag);
  if (["FD", "OD"].includes(vr) || (vr === "" && kind === "FD")) return source.floats(tag, 8);
  if (vr === "FL") return source.floats(tag, 4);
  if (["US", "SS", "UL", "SL"].includes(vr) || (vr === "" && (kind === "US" || kind === "SS/US" || kind === "UL"))) {
    const size = vr === "UL" || vr === "SL" || (vr === "" && kind === "UL") ? 4 : 2;
    const value = source.whole(tag, size, vr === "SS" || vr === "SL");
    return value === null ? [] : [value];
  }
  const text = source.text(tag, charset);
  return text === "" ? [] : text.split("\\").map((value) => value.trim());
}

function numberOf(value: string | number, name: Keyword): number {
  const number = typeof value === "number" ? value : /^nan$/i.test(value) ? NaN : value === "" ? NaN : Number(value);
  if (typeof value === "string" && Number.isNaN(number) && !/^nan$/i.test(value)) throw new DamagedHeaderError(`${name} is no number`);
  return number;
}
