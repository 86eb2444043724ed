// The buttons of blocks of code: they copy what the block holds, and say so for a moment.
const SAID = 1500; // ms

async function copyBlock(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // no clipboard without TLS: what is selected can still be copied
    getSelection().selectAllChildren(code);
    if (!document.execCommand("copy")) return;
    getSelection().removeAllRanges();
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), SAID);
}
