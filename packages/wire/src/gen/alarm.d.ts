// SPDX-License-Identifier: Apache-2.0
// Generated from proto/alarm/ by packages/wire/scripts/generate.mjs: do not edit.
import * as $protobuf from "protobufjs/minimal.js";

/**
 * Properties of an AlarmMessage.
 * @deprecated Use AlarmMessage.$Properties instead.
 */
export interface IAlarmMessage extends AlarmMessage.$Properties {
}

/** Represents an AlarmMessage. */
export class AlarmMessage {

    /**
     * Constructs a new AlarmMessage.
     * @param [properties] Properties to set
     */
    constructor(properties?: AlarmMessage.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AlarmMessage scopeId. */
    scopeId: number;

    /** AlarmMessage scope. */
    scope: string;

    /** AlarmMessage name. */
    name: string;

    /** AlarmMessage id0. */
    id0: string;

    /** AlarmMessage id1. */
    id1: string;

    /** AlarmMessage ruleName. */
    ruleName: string;

    /** AlarmMessage alarmMessage. */
    alarmMessage: string;

    /** AlarmMessage startTime. */
    startTime: number;

    /** AlarmMessage tags. */
    tags?: (AlarmTags.$Properties|null);

    /** AlarmMessage uuid. */
    uuid: string;

    /**
     * Encodes the specified AlarmMessage message. Does not implicitly {@link AlarmMessage.verify|verify} messages.
     * @param message AlarmMessage message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AlarmMessage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AlarmMessage message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AlarmMessage & AlarmMessage.$Shape} AlarmMessage
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AlarmMessage & AlarmMessage.$Shape;
}

export namespace AlarmMessage {

    /** Properties of an AlarmMessage. */
    interface $Properties {

        /** AlarmMessage scopeId */
        scopeId?: (number|null);

        /** AlarmMessage scope */
        scope?: (string|null);

        /** AlarmMessage name */
        name?: (string|null);

        /** AlarmMessage id0 */
        id0?: (string|null);

        /** AlarmMessage id1 */
        id1?: (string|null);

        /** AlarmMessage ruleName */
        ruleName?: (string|null);

        /** AlarmMessage alarmMessage */
        alarmMessage?: (string|null);

        /** AlarmMessage startTime */
        startTime?: (number|null);

        /** AlarmMessage tags */
        tags?: (AlarmTags.$Properties|null);

        /** AlarmMessage uuid */
        uuid?: (string|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AlarmMessage. */
    type $Shape = AlarmMessage.$Properties;
}

/**
 * Properties of an AlarmRecoveryMessage.
 * @deprecated Use AlarmRecoveryMessage.$Properties instead.
 */
export interface IAlarmRecoveryMessage extends AlarmRecoveryMessage.$Properties {
}

/** Represents an AlarmRecoveryMessage. */
export class AlarmRecoveryMessage {

    /**
     * Constructs a new AlarmRecoveryMessage.
     * @param [properties] Properties to set
     */
    constructor(properties?: AlarmRecoveryMessage.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AlarmRecoveryMessage scopeId. */
    scopeId: number;

    /** AlarmRecoveryMessage scope. */
    scope: string;

    /** AlarmRecoveryMessage name. */
    name: string;

    /** AlarmRecoveryMessage id0. */
    id0: string;

    /** AlarmRecoveryMessage id1. */
    id1: string;

    /** AlarmRecoveryMessage ruleName. */
    ruleName: string;

    /** AlarmRecoveryMessage alarmMessage. */
    alarmMessage: string;

    /** AlarmRecoveryMessage startTime. */
    startTime: number;

    /** AlarmRecoveryMessage tags. */
    tags?: (AlarmTags.$Properties|null);

    /** AlarmRecoveryMessage uuid. */
    uuid: string;

    /** AlarmRecoveryMessage recoveryTime. */
    recoveryTime: number;

    /**
     * Encodes the specified AlarmRecoveryMessage message. Does not implicitly {@link AlarmRecoveryMessage.verify|verify} messages.
     * @param message AlarmRecoveryMessage message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AlarmRecoveryMessage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AlarmRecoveryMessage message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AlarmRecoveryMessage & AlarmRecoveryMessage.$Shape} AlarmRecoveryMessage
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AlarmRecoveryMessage & AlarmRecoveryMessage.$Shape;
}

export namespace AlarmRecoveryMessage {

    /** Properties of an AlarmRecoveryMessage. */
    interface $Properties {

        /** AlarmRecoveryMessage scopeId */
        scopeId?: (number|null);

        /** AlarmRecoveryMessage scope */
        scope?: (string|null);

        /** AlarmRecoveryMessage name */
        name?: (string|null);

        /** AlarmRecoveryMessage id0 */
        id0?: (string|null);

        /** AlarmRecoveryMessage id1 */
        id1?: (string|null);

        /** AlarmRecoveryMessage ruleName */
        ruleName?: (string|null);

        /** AlarmRecoveryMessage alarmMessage */
        alarmMessage?: (string|null);

        /** AlarmRecoveryMessage startTime */
        startTime?: (number|null);

        /** AlarmRecoveryMessage tags */
        tags?: (AlarmTags.$Properties|null);

        /** AlarmRecoveryMessage uuid */
        uuid?: (string|null);

        /** AlarmRecoveryMessage recoveryTime */
        recoveryTime?: (number|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AlarmRecoveryMessage. */
    type $Shape = AlarmRecoveryMessage.$Properties;
}

/**
 * Properties of an AlarmTags.
 * @deprecated Use AlarmTags.$Properties instead.
 */
export interface IAlarmTags extends AlarmTags.$Properties {
}

/** Represents an AlarmTags. */
export class AlarmTags {

    /**
     * Constructs a new AlarmTags.
     * @param [properties] Properties to set
     */
    constructor(properties?: AlarmTags.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** AlarmTags data. */
    data: KeyStringValuePair.$Properties[];

    /**
     * Encodes the specified AlarmTags message. Does not implicitly {@link AlarmTags.verify|verify} messages.
     * @param message AlarmTags message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: AlarmTags.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes an AlarmTags message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {AlarmTags & AlarmTags.$Shape} AlarmTags
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): AlarmTags & AlarmTags.$Shape;
}

export namespace AlarmTags {

    /** Properties of an AlarmTags. */
    interface $Properties {

        /** AlarmTags data */
        data?: (KeyStringValuePair.$Properties[]|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of an AlarmTags. */
    type $Shape = AlarmTags.$Properties;
}

/**
 * Properties of a KeyStringValuePair.
 * @deprecated Use KeyStringValuePair.$Properties instead.
 */
export interface IKeyStringValuePair extends KeyStringValuePair.$Properties {
}

/** Represents a KeyStringValuePair. */
export class KeyStringValuePair {

    /**
     * Constructs a new KeyStringValuePair.
     * @param [properties] Properties to set
     */
    constructor(properties?: KeyStringValuePair.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /** KeyStringValuePair key. */
    key: string;

    /** KeyStringValuePair value. */
    value: string;

    /**
     * Encodes the specified KeyStringValuePair message. Does not implicitly {@link KeyStringValuePair.verify|verify} messages.
     * @param message KeyStringValuePair message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: KeyStringValuePair.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a KeyStringValuePair message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {KeyStringValuePair & KeyStringValuePair.$Shape} KeyStringValuePair
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): KeyStringValuePair & KeyStringValuePair.$Shape;
}

export namespace KeyStringValuePair {

    /** Properties of a KeyStringValuePair. */
    interface $Properties {

        /** KeyStringValuePair key */
        key?: (string|null);

        /** KeyStringValuePair value */
        value?: (string|null);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a KeyStringValuePair. */
    type $Shape = KeyStringValuePair.$Properties;
}

/**
 * Properties of a Response.
 * @deprecated Use Response.$Properties instead.
 */
export interface IResponse extends Response.$Properties {
}

/** Represents a Response. */
export class Response {

    /**
     * Constructs a new Response.
     * @param [properties] Properties to set
     */
    constructor(properties?: Response.$Properties);

    /** Unknown fields preserved while decoding when enabled */
    $unknowns?: Uint8Array[];

    /**
     * Encodes the specified Response message. Does not implicitly {@link Response.verify|verify} messages.
     * @param message Response message or plain object to encode
     * @param [writer] Writer to encode to
     * @returns Writer
     */
    static encode(message: Response.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

    /**
     * Decodes a Response message from the specified reader or buffer.
     * @param reader Reader or buffer to decode from
     * @param [length] Message length if known beforehand
     * @returns {Response & Response.$Shape} Response
     * @throws {Error} If the payload is not a reader or valid buffer
     * @throws {$protobuf.util.ProtocolError} If required fields are missing
     */
    static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): Response & Response.$Shape;
}

export namespace Response {

    /** Properties of a Response. */
    interface $Properties {

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];
    }

    /** Shape of a Response. */
    type $Shape = Response.$Properties;
}
