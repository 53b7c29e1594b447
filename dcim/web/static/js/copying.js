// <button data-copies="id" data-done="Copied">: copies the text of the element and says so.
export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copies);
    const word = button.querySelector("[data-word]") ?? button;
    const before = word.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      word.textContent = button.dataset.done;
    } catch {
      // No clipboard here (plain http, no permission): leave the text selected for the keyboard.
      getSelection().selectAllChildren(source);
      return;
    }
    setTimeout(() => { word.textContent = before; }, 1600);
  });
}
