// Measures every document in a frame of this page: text that overlaps, is cut off or is hard to read. Prints JSON.
'use strict';
const problems = [];
let texts = 0, least = Infinity, where = '';

function luminance([r, g, b]) {
  const linear = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
function colour(text) {
  const found = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(text);
  return found && +(found[4] ?? 1) === 1 ? [+found[1], +found[2], +found[3]] : null;
}
function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
const inside = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by - 2 && a.bottom <= b.bottom + by + 2;
const across = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5;

function behind(element, view, centre) {
  if (element.ownerSVGElement) {
    let last = null;
    for (const rect of element.ownerSVGElement.querySelectorAll('rect')) {
      if (rect.closest('defs') || !(rect.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
      const box = rect.getBoundingClientRect();
      if (box.left <= centre.x && centre.x <= box.right && box.top <= centre.y && centre.y <= box.bottom) last = rect;
    }
    return last && colour(view.getComputedStyle(last).fill);
  }
  for (let at = element; at; at = at.parentElement) {
    const found = colour(view.getComputedStyle(at).backgroundColor);
    if (found) return found;
  }
  return null;
}

function measure(frame) {
  const view = frame.contentWindow, page = frame.contentDocument;
  const say = (what, text) => problems.push(`${frame.dataset.name}: ${what}: ${String(text).slice(0, 60)}`);
  if (page.documentElement.scrollWidth > view.innerWidth) say('scrolls sideways', `${page.documentElement.scrollWidth} > ${view.innerWidth}`);
  const found = [];
  const walk = page.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, element = node.parentElement;
    if (!node.data.trim() || element.closest('style,title,desc,head')) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    const boxes = element.ownerSVGElement ? [element.getBoundingClientRect()] : [...range.getClientRects()].filter(box => box.width > 0);
    if (!boxes.length) continue;
    texts += 1;
    for (const box of boxes) {
      for (let at = element; at && at !== page.documentElement; at = at.parentElement) {
        if (at.tagName === 'g') {
          const bar = at.querySelector('rect');
          if (bar && !inside(box, bar.getBoundingClientRect(), 0)) say('leaves its part', node.data);
        } else if (!inside(box, at.getBoundingClientRect(), 1)) {
          say(`leaves its ${at.tagName}.${at.getAttribute('class')}`, node.data);
          break;
        }
      }
      for (const other of found) {
        if (other.node !== node && across(box, other.box)) say(`overlaps ${other.node.data.slice(0, 30)}`, node.data);
      }
      found.push({ node, box });
    }
    const style = view.getComputedStyle(element), box = boxes[0];
    const front = colour(element.ownerSVGElement ? style.fill : style.color);
    const back = behind(element, view, { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });
    if (!front || !back) { say('has no plain colours', node.data); continue; }
    const ratio = contrast(front, back);
    if (ratio < least) { least = ratio; where = `${frame.dataset.name}: ${node.data.slice(0, 40)}`; }
    if (ratio < 4.5) say(`has a contrast of ${ratio.toFixed(2)}`, node.data);
  }
  for (const part of page.querySelectorAll('.seg, g > rect:first-of-type')) {
    if (part.getBoundingClientRect().width < 4) say('is too narrow to see', part.outerHTML);
  }
  if (page.querySelector('script')) say('has a script', '');
  const root = page.querySelector('svg') ?? page.body;
  return view.getComputedStyle(root).backgroundColor;
}

addEventListener('load', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const papers = {};
  for (const frame of document.querySelectorAll('iframe')) papers[frame.dataset.name] = measure(frame);
  const broken = [...document.querySelectorAll('template')].filter(it => {
    const parsed = new DOMParser().parseFromString(it.dataset.xml, 'image/svg+xml');
    return parsed.querySelector('parsererror') !== null;
  }).length;
  const report = document.createElement('pre');
  report.id = 'report';
  report.textContent = btoa(unescape(encodeURIComponent(JSON.stringify({ dark, papers, problems, texts, least, where, broken }))));
  document.body.append(report);
});
