
// The slider as a widget: the kernel is asked for pictures and told of the view; a page that comes anew asks again.
function render({ model, el }) {
  const waiting = new Map();
  let number = 0;
  const heard = (message, buffers) => {
    if (message?.kind !== "picture" || !waiting.has(message.number)) return;
    const give = waiting.get(message.number);
    waiting.delete(message.number);
    give(buffers?.length ? URL.createObjectURL(new Blob([buffers[0]], { type: message.mime })) : null);
  };
  model.on("msg:custom", heard);
  const load = (place) => new Promise((give) => {
    waiting.set(++number, give);
    model.send({ kind: "picture", number, place });
  });
  const kept = (view) => { model.set("view", view); model.save_changes(); };
  const told = model.get("told");
  const root = document.createElement("div");
  el.append(root);
  const made = stage(root, { ...told, states: model.get("states"), view: model.get("view") }, load, kept);
  const renew = () => made.renew(model.get("states"));
  model.on("change:states", renew);
  return () => { made.end(); model.off("change:states", renew); model.off("msg:custom", heard); };
}
export default { render };
