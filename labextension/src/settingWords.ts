/**
 * The titles of the studio's settings in Chinese. JupyterLab's server translates a schema only out of its language packs,
 * in which this extension is not; so the registry gets the schema translated from here.
 */
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { JSONObject, JSONValue } from '@lumino/coreutils';

const CHINESE: Record<string, string> = {
  'Z-Image Studio': 'Z-Image 工作室',
  "The studio's model, folder, language and colours. A change takes effect when the studio is opened anew.":
    '工作室的模型、文件夹、语言和配色。更改在重新打开工作室后生效。',
  'Default model': '默认模型',
  "Id, folder or hub id of the model that the studio begins with; empty takes the home's own":
    '工作室启动时使用的模型：名称、文件夹或模型库编号；留空则使用主文件夹中的设定',
  Folder: '文件夹',
  'Folder of pictures, records and settings on the machine of the kernel; empty takes the usual one':
    '内核所在机器上存放图片、记录和设置的文件夹；留空则使用默认位置',
  Language: '语言',
  'auto follows JupyterLab': 'auto 跟随 JupyterLab 的语言',
  'Theme of the board': '看板配色',
  "Colours behind a sweep's pictures: auto follows JupyterLab": '参数扫描图片的背景配色：auto 跟随 JupyterLab'
};
const TRANSLATED = new Set(['title', 'description', 'jupyter.lab.setting-icon-label']);

/** Have the registry show a plugin's settings in Chinese, or in English as they are written. */
export function nameSettings(registry: ISettingRegistry | null, plugin: string, isChinese: boolean): void {
  // The schema says that it is transformed, so the registry waits for this also where there is nothing to translate.
  registry?.transform(plugin, {
    fetch: found => (isChinese ? { ...found, schema: inChinese(found.schema as JSONObject) as ISettingRegistry.ISchema } : found)
  });
}

function inChinese(value: JSONValue, key = ''): JSONValue {
  if (typeof value === 'string') {
    return TRANSLATED.has(key) ? (CHINESE[value] ?? value) : value;
  }
  if (Array.isArray(value)) {
    return value.map(one => inChinese(one));
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inChinese(one as JSONValue, name)]));
  }
  return value;
}
