type Props = Record<string, string | number | boolean | undefined | ((event: Event) => void)>;
type Child = Node | string | undefined;

/**
 * An element with attributes, listeners (`onclick`) and children. Texts become text nodes, so nothing
 * that comes from elsewhere is read as HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** A button whose work runs once at a time; what goes wrong is told. */
export function button(
  label: string,
  work: () => void | Promise<void>,
  { kind, failed }: { kind?: "main" | "quiet" | undefined; failed(error: unknown): void },
): HTMLButtonElement {
  const element = h("button", {
    type: "button",
    class: kind,
    async onclick() {
      element.disabled = true;
      try {
        await work();
      } catch (error) {
        failed(error);
      } finally {
        element.disabled = false;
      }
    },
  });
  element.textContent = label;
  return element;
}
