/** The one script of the pages. Each page works without it: it copies, and shows times as the reader's clock does. */
export const script: string = `
const short = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const thisYear = new Intl.DateTimeFormat(undefined, short);
const anyYear = new Intl.DateTimeFormat(undefined, { ...short, year: 'numeric' });
const year = new Date().getFullYear();
const zone = document.querySelector('[data-zone]');
if (zone !== null) zone.textContent = 'in your time zone, ' + thisYear.resolvedOptions().timeZone;
for (const time of document.querySelectorAll('time[datetime]')) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) continue;
  time.title = time.dateTime;
  time.textContent = (date.getFullYear() === year ? thisYear : anyYear).format(date);
}
for (const button of document.querySelectorAll('button[data-copy]')) {
  if (navigator.clipboard === undefined) continue;
  button.hidden = false;
  const { firstChild } = button;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    firstChild.data = 'Copied';
    setTimeout(() => { firstChild.data = 'Copy'; }, 2000);
  });
}
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', () => {
    form.setAttribute('aria-busy', 'true');
  });
}
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[aria-busy]')) form.removeAttribute('aria-busy');
});
`;
