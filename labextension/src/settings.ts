/** What a person set for the studio, and the Python that opens a panel with it. */
import { ISettingRegistry } from '@jupyterlab/settingregistry';

export interface Settings {
  model: string;
  home: string;
  language: 'auto' | 'en' | 'zh';
  boardTheme: 'auto' | 'light' | 'dark';
}

const NONE: Settings = { model: '', home: '', language: 'auto', boardTheme: 'auto' };

/** Read the settings; without a registry, those of nobody. */
export async function settings(registry: ISettingRegistry | null, plugin: string): Promise<Settings> {
  try {
    const loaded = await registry?.load(plugin);
    return { ...NONE, ...(loaded?.composite as Partial<Settings> | undefined) };
  } catch (error) {
    console.warn('The settings of Z-Image Studio cannot be read.', error);
    return NONE;
  }
}

/** Give the call that makes a panel; JSON's texts are Python's as well. */
export function panelCode(chosen: Settings, jupyterLabIsChinese: boolean): string {
  const given: string[] = [];
  if (chosen.model || chosen.home) {
    const model = chosen.model ? JSON.stringify(chosen.model) : 'None';
    given.push(chosen.home ? `load(${model}, home=${JSON.stringify(chosen.home)})` : `load(${model})`);
  }
  const language = chosen.language === 'auto' ? (jupyterLabIsChinese ? 'zh' : '') : chosen.language;
  if (language) {
    given.push(`language=${JSON.stringify(language)}`);
  }
  if (chosen.boardTheme !== 'auto') {
    given.push(`board_theme=${JSON.stringify(chosen.boardTheme)}`);
  }
  given.push('outputs=False'); // the studio's tab is saved nowhere
  return `panel(${given.join(', ')})`;
}
