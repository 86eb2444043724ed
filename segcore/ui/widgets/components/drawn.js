// Tells the page that the widget has its height: what follows below is shown from then on (page.css).
export default (component) => {
  const end = draw(component);
  component.parentElement.getRootNode().host?.setAttribute("data-drawn", "");
  return end;
};
