/** Path data of the icons, drawn for this page: strokes on a grid of 24 x 24. */

export const ICONS = {
  crosshair: "M12 3v6M12 15v6M3 12h6M15 12h6",
  ruler: "M4 16 16 4l4 4L8 20zM8 12l2 2M11 9l2 2M14 6l2 2",
  brush: "M20 4 11 13M9 15c-2 0-3 1-3 3 0 1-1 2-2 2 3 1 7 0 7-3 0-1-1-2-2-2z",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  reset: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4",
  theme: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
  help: "M9 9a3 3 0 1 1 4 2.8c-.7.3-1 .8-1 1.7M12 17v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  back: "M15 5l-7 7 7 7",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  locate: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 2v3M12 19v3M2 12h3M19 12h3",
  upload: "M12 16V5M7 9l5-5 5 5M4 16v4h16v-4",
  download: "M12 4v11M7 11l5 5 5-5M4 17v3h16v-3",
  undo: "M8 8H15a5 5 0 0 1 0 10H8M8 8l3-3M8 8l3 3",
  close: "M6 6l12 12M18 6 6 18",
} as const;
