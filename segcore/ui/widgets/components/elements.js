// Helpers of several components: make an element, set the source of a picture that is kept.
const make = (tag, className, parent) => {
  const element = document.createElement(tag);
  element.className = className;
  parent.appendChild(element);
  return element;
};
const source = (image, uri) => {
  image.hidden = !uri;
  if (uri && image.getAttribute("src") !== uri) image.src = uri;
};
