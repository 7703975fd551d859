/* book.js: one experiment at a time, two languages, light and dark, the keyboard.  Without it the
 * page shows everything in English, one below the other. */
(function () {
  'use strict';
  var root = document.documentElement;
  var sections = Array.from(document.querySelectorAll('main > section'));
  var links = Array.from(document.querySelectorAll('nav.contents a'));
  var search = document.querySelector('nav.contents input');
  var themes = ['auto', 'light', 'dark'];
  var names = { en: { auto: 'Auto', light: 'Light', dark: 'Dark' }, zh: { auto: '自动', light: '浅色', dark: '深色' } };

  /* A page from a disk may have nothing to remember with. */
  function recall(key) {
    try { return localStorage.getItem('lastack-' + key); } catch (e) { return null; }
  }
  function remember(key, value) {
    try { localStorage.setItem('lastack-' + key, value); } catch (e) { /* then not */ }
  }

  var language = recall('language') || (/^zh/.test(navigator.language) ? 'zh' : 'en');
  var theme = recall('theme') || 'auto';

  function text(element) {
    var part = element.querySelector('.' + language);
    return (part || element).textContent.trim();
  }

  function current() {
    var i = sections.findIndex(function (s) { return s.id === location.hash.slice(1); });
    return i < 0 ? 0 : i;
  }

  function show(stay) {
    var i = current();
    sections.forEach(function (s, k) { s.classList.toggle('now', k === i); });
    links.forEach(function (a) {
      if (a.hash === '#' + sections[i].id) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    });
    root.classList.toggle('top', i === 0);
    document.title = i === 0 ? text(document.querySelector('.home')) : text(sections[i].querySelector('h2'));
    if (!stay) window.scrollTo(0, 0);
  }

  function go(by) {
    var i = current() + by;
    if (i >= 0 && i < sections.length) location.hash = sections[i].id;
  }

  function applyLanguage() {
    root.classList.toggle('zh', language === 'zh');
    root.lang = language === 'zh' ? 'zh-CN' : 'en';
    document.getElementById('language').textContent = language === 'zh' ? 'English' : '中文';
    search.placeholder = language === 'zh' ? '搜索' : 'Search';
    document.querySelectorAll('[data-zh]').forEach(function (e) {
      if (!e.hasAttribute('data-en')) e.setAttribute('data-en', e.textContent);
      e.textContent = e.getAttribute('data-' + language);
    });
    applyTheme();
    show(true);
  }

  function applyTheme() {
    root.classList.toggle('light', theme === 'light');
    root.classList.toggle('dark', theme === 'dark');
    document.getElementById('theme').textContent = names[language][theme];
  }

  function nextLanguage() {
    language = language === 'zh' ? 'en' : 'zh';
    remember('language', language);
    applyLanguage();
    filter();
  }

  function nextTheme() {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    remember('theme', theme);
    applyTheme();
  }

  /* Titles and explanations, in the language that is shown. */
  function filter() {
    var wanted = search.value.trim().toLowerCase();
    links.forEach(function (a) {
      var s = document.getElementById(a.hash.slice(1));
      var prose = s.querySelector('.prose.' + language);
      var all = (text(a) + ' ' + (prose ? prose.textContent : '')).toLowerCase();
      a.parentNode.hidden = wanted !== '' && all.indexOf(wanted) < 0;
    });
  }

  var keys = {
    j: function () { go(1); }, ArrowRight: function () { go(1); },
    k: function () { go(-1); }, ArrowLeft: function () { go(-1); },
    l: nextLanguage, t: nextTheme,
    h: function () { location.hash = sections[0].id; },
    '/': function () {
      if (search.offsetParent === null) location.hash = sections[0].id;
      setTimeout(function () { search.focus(); });
    }
  };

  document.addEventListener('keydown', function (e) {
    if (e.target === search) {
      if (e.key === 'Escape') { search.value = ''; filter(); search.blur(); }
      if (e.key === 'Enter') {
        var first = links.find(function (a) { return !a.parentNode.hidden; });
        if (first) { location.hash = first.hash; search.blur(); }
      }
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key]();
  });

  root.classList.add('js');
  document.getElementById('language').addEventListener('click', nextLanguage);
  document.getElementById('theme').addEventListener('click', nextTheme);
  search.addEventListener('input', filter);
  window.addEventListener('hashchange', function () { show(false); });
  if (themes.indexOf(theme) < 0) theme = 'auto';
  if (language !== 'zh') language = 'en';
  applyLanguage();
})();
