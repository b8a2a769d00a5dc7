/** Colours and sizes of a picture. */

export type Theme = 'auto' | 'light' | 'dark'

/** Dashes tell the series apart from the ninth on, and where colours do not. */
export const dashes = ['', '6 3', '2 3', '9 3 2 3']

interface Palette {
  surface: string
  text: string
  faint: string
  grid: string
  series: string[]
}

// Eight hues of one lightness for each background, each at least 3:1 against it.
const light: Palette = {
  surface: '#ffffff',
  text: '#1f2328',
  faint: '#59636e',
  grid: '#e4e7eb',
  series: ['#2166c4', '#c8501e', '#1b8558', '#8a4fc7', '#b8357a', '#8a6d00', '#0d8596', '#6b6f76'],
}
const dark: Palette = {
  surface: '#14171c',
  text: '#e6e9ed',
  faint: '#9aa4af',
  grid: '#2b3138',
  series: ['#6ea8fe', '#ff9566', '#4cc38a', '#c297ff', '#ff7ab6', '#e0b93a', '#4cc9d9', '#a9b0b8'],
}

export const colours = light.series.length
export const fontSize = 12

/** The style sheet: for both ways of looking, or for one. */
export function styleSheet(theme: Theme): string {
  const base = `text{font:${fontSize}px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}.title{font-size:15px;font-weight:600}.curve{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}`
  if (theme === 'dark') return base + rules(dark)
  if (theme === 'light') return base + rules(light)
  return `${base}${rules(light)}@media(prefers-color-scheme:dark){${rules(dark)}}`
}

function rules({ surface, text, faint, grid, series }: Palette): string {
  const lines = series.map((colour, i) => `.c${i}{stroke:${colour}}.d${i}{fill:${colour}}`).join('')
  return `.surface{fill:${surface}}text{fill:${text}}.faint{fill:${faint}}.grid{stroke:${grid}}.axis{stroke:${faint}}${lines}`
}

/** Roughly how wide a text is; rather too wide than too narrow. */
export function textWidth(text: string, size = fontSize): number {
  let width = 0
  for (const character of text) {
    if (/[\u1100-\uffdc]|\p{Emoji_Presentation}/u.test(character)) width += 1.05
    else if (/[A-Z@MWmw%]/.test(character)) width += 0.82
    else width += /[ .,:;'|!ijlI]/.test(character) ? 0.36 : 0.61
  }
  return width * size
}

/** Text as XML can hold it. */
export function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no such characters, not even escaped
  const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu
  return text.replace(impossible, '\ufffd').replace(/[&<>"]/g, (character) => entities[character]!)
}
