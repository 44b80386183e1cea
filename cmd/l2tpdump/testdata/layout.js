// Lists what is wrong with how a page looks: texts that overlap or are cut, shapes that are not drawn, a ladder that can't be followed.
(() => {
  const faults = [];
  const closed = e => {
    for (let d = e.closest('details'); d; d = d.parentElement.closest('details'))
      if (!d.open && !d.firstElementChild.contains(e)) return true;
    return false;
  };
  const hidden = e => e.closest('.said, title, style') || closed(e);
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const e of document.querySelectorAll('body *')) {
    if (hidden(e) || e instanceof SVGElement || getComputedStyle(e).display === 'inline') continue;
    if (e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1) faults.push(`cut: ${e.tagName} ${e.className} "${e.textContent.slice(0, 40)}"`);
  }
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    if (!node.data.trim() || hidden(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width > 0 && r.height > 0) boxes.push({l: r.left, r: r.right, t: r.top, b: r.bottom, node});
      if (r.left < -0.5 || r.right > innerWidth + 0.5) faults.push(`outside: "${node.data.slice(0, 40)}"`);
    }
  }
  if (boxes.length < 20) faults.push(`only ${boxes.length} texts`);
  boxes.sort((a, b) => a.t - b.t);
  for (let i = 0; i < boxes.length; i++)
    for (let j = i + 1; j < boxes.length && boxes[j].t < boxes[i].b; j++) {
      const a = boxes[i], b = boxes[j];
      const w = Math.min(a.r, b.r) - Math.max(a.l, b.l), h = Math.min(a.b, b.b) - b.t;
      if (a.node !== b.node && w > 1 && h > 3) faults.push(`overlap: "${a.node.data.slice(0, 40)}" and "${b.node.data.slice(0, 40)}"`);
    }
  for (const r of document.querySelectorAll('.nums tbody tr')) {
    const titles = [...r.closest('table').querySelectorAll('th')].map(e => e.textContent).slice(-r.cells.length);
    [...r.cells].forEach((c, i) => {
      if (c.dataset.of ? c.dataset.of !== titles[i] : c.classList.contains('n')) faults.push(`"${c.dataset.of}" in the column "${titles[i]}"`);
    });
  }
  const box = e => e.getBoundingClientRect();
  for (const l of document.querySelectorAll('.ladder')) {
    const rungs = [...l.querySelectorAll(':scope > ol > .m')];
    let before = -Infinity;
    for (const m of rungs) {
      const arrow = box(m.querySelector('.ar')), rung = box(m.querySelector('.rung')), says = box(m.querySelector('.says'));
      if (arrow.height < 1 || arrow.width < rung.width - 8) faults.push(`an arrow of ${arrow.width} x ${arrow.height} in a rung of ${rung.width}`);
      if (arrow.top < says.bottom - 1) faults.push(`an arrow through "${m.querySelector('.says').textContent}"`);
      if (arrow.top <= before) faults.push('an arrow above the one before');
      before = arrow.top;
      const head = getComputedStyle(m.querySelector('.ar'), '::after');
      const [on, off] = m.classList.contains('c') ? ['borderLeftWidth', 'borderRightWidth'] : ['borderRightWidth', 'borderLeftWidth'];
      if (parseFloat(head[on]) < 5 || parseFloat(head[off]) > 0) faults.push('an arrow without its head');
    }
    const lefts = new Set(rungs.map(m => Math.round(box(m.querySelector('.rung')).left)));
    if (lefts.size > 1) faults.push('the lanes are not straight');
  }
  for (const a of document.querySelectorAll('article.is-failed, article.is-lost')) {
    const v = a.querySelector('.verdict');
    if (!v || box(v).height < 20) faults.push(`the failing step of ${a.id} is not marked`);
    if (!a.querySelector('.steps .stop')) faults.push(`no step of ${a.id} is the failing one`);
  }
  for (const p of document.querySelectorAll('.traffic path')) {
    if (p.getAttribute('d') && !(box(p).width > 0 && box(p).height > 0)) faults.push('bars that are not drawn');
  }
  for (const e of document.querySelectorAll('.traffic svg')) if (box(e).width < 200 || box(e).height < 100) faults.push('a small chart');
  return faults;
})()
