/* look.js: what is wrong with how the page looks now: returns a list of complaints. */
const complaints = [];
const width = document.documentElement.clientWidth;
const shown = (e) => e.checkVisibility ? e.checkVisibility() : e.getClientRects().length > 0;
const where = (e) => (e.closest('section') || document.body).id + ': ' + (e.textContent || e.tagName).trim().slice(0, 50);

if (document.scrollingElement.scrollWidth > width)
  complaints.push(`the page is ${document.scrollingElement.scrollWidth} wide, the window ${width}`);

/* Nothing sticks out at the sides, but for what has a scroll bar of its own. */
const scrolls = (e) => e && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
for (const e of document.querySelectorAll('body *:not(svg *)')) {
  const r = e.getBoundingClientRect();
  if (shown(e) && r.width && (r.right > width + 1 || r.left < -1) && !scrolls(e.parentElement))
    complaints.push(`sticks out: <${e.tagName.toLowerCase()}> ${where(e)}`);
}

/* Letters fill about the middle of their box; a box on a box is a letter on a letter. */
const letters = (e) => {
  const r = e.getBoundingClientRect(), trim = r.height * 0.25;
  return { e, left: r.left + 0.5, right: r.right - 0.5, top: r.top + trim, bottom: r.bottom - trim };
};
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
function apart(boxes, what) {
  for (let i = 0; i < boxes.length; i++)
    for (let k = i + 1; k < boxes.length; k++)
      if (meet(boxes[i], boxes[k]))
        complaints.push(`${what} overlap: "${where(boxes[i].e)}" and "${where(boxes[k].e)}"`);
}

for (const svg of document.querySelectorAll('svg.la')) {
  if (!shown(svg))
    continue;
  const sheet = svg.getBoundingClientRect();
  const texts = Array.from(svg.querySelectorAll('text')).filter((t) => t.getBoundingClientRect().width).map(letters);
  for (const t of texts)
    if (t.left < sheet.left - 1 || t.right > sheet.right + 1 || t.top < sheet.top || t.bottom > sheet.bottom)
      complaints.push(`words beyond the picture: "${where(t.e)}"`);
  apart(texts, 'words in a picture');
}

const blocks = (parent, selector) => Array.from(parent.querySelectorAll(selector)).filter(shown).map((e) => {
  const r = e.getBoundingClientRect();
  return { e, left: r.left + 1, right: r.right - 1, top: r.top + 1, bottom: r.bottom - 1 };
});
for (const section of document.querySelectorAll('main > section.now')) {
  apart(blocks(section, ':scope > *'), 'blocks');
  apart(blocks(section, '.variants > *'), 'variants');
  for (const v of section.querySelectorAll('.variant'))
    apart(blocks(v, ':scope > *'), 'parts of a variant');
}
apart(blocks(document.querySelector('header'), 'a, button'), 'buttons');

/* Words can be told from their ground: WCAG's contrast ratio, 4.5 for text. */
function rgb(text) {
  const n = text.match(/[\d.]+/g).map(Number);
  return { r: n[0], g: n[1], b: n[2], a: n.length > 3 ? n[3] : 1 };
}
function luminance(c) {
  const [r, g, b] = [c.r, c.g, c.b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ground(e) {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.a > 0)
      return c;
  }
  return { r: 255, g: 255, b: 255 };
}
function contrast(a, b) {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}
const told = new Set();
for (const e of document.querySelectorAll('body *')) {
  const words = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim());
  if (!words || !shown(e) || ['SCRIPT', 'STYLE', 'TITLE', 'DESC', 'title', 'desc'].includes(e.tagName))
    continue;
  const svg = e.closest('svg.la');
  if (e.closest('text.mark'))
    continue; /* on a disc of its own colour */
  const ink = rgb(svg ? getComputedStyle(e).fill : getComputedStyle(e).color);
  const paper = svg ? rgb(getComputedStyle(svg.querySelector('rect.paper')).fill) : ground(e);
  const key = `${JSON.stringify(ink)} on ${JSON.stringify(paper)}`;
  const ratio = contrast(ink, paper);
  if (ratio < 4.5 && !told.has(key)) {
    told.add(key);
    complaints.push(`hard to read, ${ratio.toFixed(1)}: ${where(e)}`);
  }
}
return complaints;
