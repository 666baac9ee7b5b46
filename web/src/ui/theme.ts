/** Dark or light: as the system says until the user chooses. */

const KEY = "omentum-theme";

export function useStoredTheme(): void {
  const stored = localStorage.getItem(KEY);
  if (stored !== null) document.documentElement.dataset.theme = stored;
}

export function switchTheme(): void {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(KEY, next);
}
