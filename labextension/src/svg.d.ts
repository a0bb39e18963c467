// The bundler gives an SVG file's text, which is what LabIcon wants.
declare module '*.svg' {
  const text: string;
  export default text;
}
